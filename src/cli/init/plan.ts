import { UsageError } from '../../errors.ts'
import { safeUrl } from '../../safe-url.ts'
import type { Contract, PythonSettings } from '../contract/python-contract.ts'

export type TopologyName = 'celery' | 'mirrored'

/** What was given and found, before anything is written. */
export interface Found {
  readonly python?: PythonSettings | undefined
  readonly contract?: Contract | undefined
  readonly brokerUrl?: string | undefined
  readonly resultBackend?: string | undefined
  readonly topology?: TopologyName | undefined
  /** Queues of the broker by name, with what waits in them. */
  readonly queues: ReadonlyMap<string, number>
}

/** What the new app will be. */
export interface Plan {
  readonly topology: TopologyName
  readonly brokerUrl: string
  readonly resultBackend: string
  /** The queue of the new app's own tasks, and the first part of their names. */
  readonly own: string
  /** The work queues that the Python app has, those without a meaning of their own left out. */
  readonly others: readonly string[]
  readonly python: PythonSettings | undefined
  readonly contract: Contract | undefined
  /** What a person should know of it. */
  readonly notes: readonly string[]
}

const OWN_NAMES = ['export', 'node', 'typescript', 'celery-toolbox'] as const
const MIRRORED_EXCHANGE = 'task_exchange'
const PLATFORM_QUEUE = 'platform.fifo'
const KNOWN_RESULTS = /^(?:redis|rediss|rpc|db\+postgres(?:ql)?(?:\+\w+)?):/

export function planFor(found: Found): Plan {
  const { python, contract } = found
  const brokerUrl = found.brokerUrl ?? python?.broker_url ?? 'amqp://localhost'
  refuseStrange(brokerUrl)
  const notes: string[] = []
  const resultBackend = resultsFor(found, notes)
  if (brokerUrl.includes('********')) notes.push('the password is hidden: write it into .env')
  const others = (python?.queues ?? []).filter(
    (name) => name !== 'celery' && name !== PLATFORM_QUEUE,
  )
  const taken = new Set([...others, ...Object.keys(contract ?? {}).map(firstPart)])
  const own = OWN_NAMES.find((name) => !taken.has(name)) ?? 'celery-toolbox'
  const topology = found.topology ?? topologyOf(found)
  return { topology, brokerUrl, resultBackend, own, others, python, contract, notes }
}

/** As what is there: a plain Celery is joined as it is; where there is none, the toolbox's own. */
function topologyOf({ python, queues }: Found): TopologyName {
  if (python !== undefined) {
    const isMirrored = python.exchange === MIRRORED_EXCHANGE && python.exchange_type === 'topic'
    return isMirrored ? 'mirrored' : 'celery'
  }
  return queues.has('celery') && !queues.has(PLATFORM_QUEUE) ? 'celery' : 'mirrored'
}

function refuseStrange(url: string): void {
  if (/^(?:amqps?|pyamqp|sqs|memory):/.test(url)) return
  throw new UsageError(
    `the broker is ${safeUrl(url)}, expected amqp://, amqps:// or sqs://: celery-toolbox takes tasks from RabbitMQ and Amazon SQS`,
  )
}

function resultsFor({ python, resultBackend }: Found, notes: string[]): string {
  const backend = resultBackend ?? python?.result_backend ?? null
  if (backend !== null && KNOWN_RESULTS.test(backend)) return backend
  if (backend !== null && !/^disabled/.test(backend)) {
    notes.push(`results in ${safeUrl(backend)} cannot be read here: rpc:// is written instead`)
  } else if (python !== undefined) {
    notes.push('the Python app keeps no results: those of its tasks cannot be awaited')
  }
  return 'rpc://'
}

function firstPart(name: string): string {
  return name.split('.')[0] ?? name
}
