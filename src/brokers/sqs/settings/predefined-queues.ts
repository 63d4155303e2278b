import { isRecord } from '../../../protocol/field-readers.ts'
import { safeUrl } from '../../../safe-url.ts'
import { optionRefused } from '../connecting/server-errors.ts'
import type { SqsCredentials } from '../connecting/sqs-url.ts'
import { isFifo } from '../queues/queue-name.ts'

/** A queue of kombu's `predefined_queues`: it is there already, perhaps with credentials of its own. */
export interface PredefinedQueue {
  readonly url: string
  readonly region: string | undefined
  readonly credentials: (SqsCredentials & { readonly sessionToken?: string }) | undefined
  /** By receive count: seconds until a task that was rejected comes again. */
  readonly backoffPolicy: ReadonlyMap<number, number>
  readonly backoffTasks: ReadonlySet<string>
}

const KNOWN = new Set([
  'access_key_id',
  'backoff_policy',
  'backoff_tasks',
  'region',
  'secret_access_key',
  'session_token',
  'url',
])

export function readPredefinedQueues(given: unknown): ReadonlyMap<string, PredefinedQueue> {
  if (given === undefined || given === null) return new Map()
  if (!isRecord(given)) throw optionRefused('predefined_queues', 'expected a dict of queues')
  return new Map(Object.entries(given).map(([name, queue]) => [name, readQueue(name, queue)]))
}

function readQueue(name: string, given: unknown): PredefinedQueue {
  const option = `predefined_queues["${name}"]`
  if (!isRecord(given) || typeof given.url !== 'string')
    throw optionRefused(option, 'it has no url')
  for (const key of Object.keys(given)) {
    if (!KNOWN.has(key))
      throw optionRefused(`${option}.${key}`, `expected ${[...KNOWN].join(', ')}`)
  }
  if (isFifo(given.url) !== isFifo(name)) {
    throw optionRefused(
      option,
      `of its name and its url ${safeUrl(given.url)} one ends with .fifo, expected both or none`,
    )
  }
  const { access_key_id: key, secret_access_key: secret, session_token: token, region } = given
  const hasKey = typeof key === 'string' && typeof secret === 'string'
  return {
    url: given.url,
    region: typeof region === 'string' ? region : undefined,
    credentials: hasKey
      ? {
          accessKeyId: key,
          secretAccessKey: secret,
          ...(typeof token === 'string' && { sessionToken: token }),
        }
      : undefined,
    backoffPolicy: readPolicy(option, given.backoff_policy),
    backoffTasks: readTasks(option, given.backoff_tasks),
  }
}

function readPolicy(option: string, given: unknown): ReadonlyMap<number, number> {
  if (given === undefined || given === null) return new Map()
  const entries = given instanceof Map ? [...given] : Object.entries(given)
  const policy = entries.map(([count, seconds]) => [Number(count), Number(seconds)] as const)
  if (policy.every((pair) => pair.every((number) => Number.isFinite(number)))) {
    return new Map(policy)
  }
  throw optionRefused(`${option}.backoff_policy`, 'expected seconds by receive count')
}

function readTasks(option: string, given: unknown): ReadonlySet<string> {
  if (given === undefined || given === null) return new Set()
  if (Array.isArray(given) && given.every((task) => typeof task === 'string')) return new Set(given)
  throw optionRefused(`${option}.backoff_tasks`, 'expected a list of task names')
}
