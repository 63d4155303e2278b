import { isRecord } from '../../../protocol/field-readers.ts'
import { safeUrl } from '../../../safe-url.ts'
import { optionRefused } from '../connecting/server-errors.ts'
import type { SqsCredentials } from '../connecting/sqs-url.ts'
import { isFifo } from '../queues/queue-name.ts'
import {
  dictIn,
  numberIn,
  type Option,
  type Options,
  optionOf,
  textIn,
  textsIn,
  unfit,
} from './option-values.ts'

/** A queue of kombu's `predefined_queues`: it is there already, perhaps with credentials of its own. */
export interface PredefinedQueue {
  readonly url: string
  readonly region: string | undefined
  readonly credentials: (SqsCredentials & { readonly sessionToken?: string }) | undefined
  /** By receive count: seconds until a task that was rejected comes again. */
  readonly backoffPolicy: ReadonlyMap<number, number>
  readonly backoffTasks: ReadonlySet<string>
}

const KNOWN = [
  'access_key_id',
  'backoff_policy',
  'backoff_tasks',
  'region',
  'secret_access_key',
  'session_token',
  'url',
]

export function readPredefinedQueues(options: Options): ReadonlyMap<string, PredefinedQueue> {
  const given = dictIn(optionOf(options, 'predefined_queues'), 'a dict of queues')
  return new Map(Object.entries(given).map(([name, queue]) => [name, readQueue(name, queue)]))
}

/** Half of a backoff, by its full name: policy and tasks do nothing without each other. */
export function idleQueueOptions(options: Options): readonly string[] {
  return [...readPredefinedQueues(options)].flatMap(([queue, { backoffPolicy, backoffTasks }]) => {
    if (backoffPolicy.size > 0 === backoffTasks.size > 0) return []
    const half = backoffPolicy.size > 0 ? 'backoff_policy' : 'backoff_tasks'
    return [`predefined_queues["${queue}"].${half}`]
  })
}

function readQueue(queue: string, value: unknown): PredefinedQueue {
  const name = `predefined_queues["${queue}"]`
  if (!isRecord(value)) throw unfit({ name, value }, 'a dict with a url')
  for (const key of Object.keys(value)) {
    if (!KNOWN.includes(key)) throw optionRefused(`${name}.${key}`, `expected ${KNOWN.join(', ')}`)
  }
  const option = (key: string): Option => optionOf(value, key, `${name}.${key}`)
  return {
    url: urlIn(option('url'), { name, queue }),
    region: textIn(option('region')),
    credentials: credentialsIn(name, option),
    backoffPolicy: policyIn(option('backoff_policy')),
    backoffTasks: new Set(textsIn(option('backoff_tasks'), 'a list of task names')),
  }
}

function urlIn(option: Option, { name, queue }: { name: string; queue: string }): string {
  const url = textIn(option)
  if (url === undefined) throw optionRefused(name, 'it has no url')
  if (!QUEUE_URL.test(url)) {
    throw unfit(option, 'the url of a queue: https://…')
  }
  if (isFifo(url) === isFifo(queue)) return url
  throw optionRefused(
    name,
    `of its name and its url ${safeUrl(url)} one ends with .fifo, expected both or none`,
  )
}

/** Servers of one's own give urls that cannot be parsed: http://sqs.us-east-1.127.0.0.1:4566/… */
const QUEUE_URL = /^https?:\/\/[^/]+\/./i

function credentialsIn(
  name: string,
  option: (key: string) => Option,
): PredefinedQueue['credentials'] {
  const accessKeyId = textIn(option('access_key_id'))
  const secretAccessKey = textIn(option('secret_access_key'))
  const sessionToken = textIn(option('session_token'))
  if (accessKeyId !== undefined && secretAccessKey !== undefined) {
    return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) }
  }
  if (accessKeyId === undefined && secretAccessKey === undefined && sessionToken === undefined) {
    return undefined
  }
  const missing = accessKeyId === undefined ? 'access_key_id' : 'secret_access_key'
  throw optionRefused(
    name,
    `it has no ${missing}, expected access_key_id and secret_access_key, or neither, and session_token only beside both`,
  )
}

/** Python's keys are numbers, those of JSON are texts. */
function policyIn(option: Option): ReadonlyMap<number, number> {
  const { value } = option
  if (value === undefined) return new Map()
  const entries =
    value instanceof Map ? [...value] : Object.entries(dictIn(option, SECONDS_BY_COUNT))
  const policy = entries.map(
    ([count, seconds]) =>
      [
        numberIn({ name: '', value: count }) ?? Number.NaN,
        numberIn({ name: '', value: seconds }) ?? Number.NaN,
      ] as const,
  )
  if (policy.every(([count, seconds]) => isCount(count) && isVisibility(seconds))) {
    return new Map(policy)
  }
  throw unfit(
    { ...option, value: entries.map(([key, item]) => `${key}: ${item}`).join(', ') },
    SECONDS_BY_COUNT,
  )
}

const LONGEST_VISIBILITY_SECONDS = 43_200
const SECONDS_BY_COUNT = `a dict of whole seconds, 0 to ${LONGEST_VISIBILITY_SECONDS}, by receive count, from 1`

function isCount(number: number): boolean {
  return Number.isInteger(number) && number >= 1
}

function isVisibility(seconds: number): boolean {
  return Number.isInteger(seconds) && seconds >= 0 && seconds <= LONGEST_VISIBILITY_SECONDS
}
