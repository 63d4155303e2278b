export type Python = 'new' | 'old'
export type Backend = 'postgresql' | 'redis' | 'rpc'
/** What carries the messages; on SQS the queues are of either kind. */
export type Carrier = 'RabbitMQ' | 'standard queues' | 'FIFO queues'
export type Direction = 'Node→Python' | 'Python→Node'

/** Who shares the workers: all columns of the matrix that differ in their direction alone. */
export interface Site {
  readonly python: Python
  readonly carrier: Carrier
  readonly backend: Backend
}

/** One column of the matrix: who calls, which Celery is at the other end, what carries the messages, where the results are. */
export interface Column extends Site {
  readonly direction: Direction
}

export const PYTHONS: readonly Python[] = ['new', 'old']
export const BACKENDS: readonly Backend[] = ['postgresql', 'redis', 'rpc']
export const SQS_CARRIERS: readonly Carrier[] = ['standard queues', 'FIFO queues']
export const DIRECTIONS: readonly Direction[] = ['Node→Python', 'Python→Node']

/** One row of the matrix. Each of its cells is a test, but where `absent` says why there can be none. */
export interface Feature {
  readonly title: string
  readonly absent?: (column: Column) => string | undefined
}

const CHORDS = 'results that are messages cannot be read together'
const onRpc = (why: string) => (column: Column) => (column.backend === 'rpc' ? why : undefined)
const withoutChords = onRpc(CHORDS)
const withoutControl = ({ carrier }: Column) =>
  carrier === 'RabbitMQ' ? undefined : 'Celery has no remote control on SQS'

/** By the names of the cases in node-cases.ts and python/matrix_cases.py. */
export const FEATURES = {
  call: { title: 'plain call' },
  kwargs: { title: 'keyword arguments' },
  typed: { title: 'typed values: dates, decimals, UUIDs, bytes, big integers' },
  exceptions: { title: 'exceptions: type, module, message, arguments, traceback' },
  cause: { title: 'the cause of an exception, in its traceback' },
  unserialisable: { title: 'an error that cannot be serialised, and one that cannot be imported' },
  unknown_task: { title: 'an unknown task: `NotRegistered`' },
  ignore_result: { title: '`ignore_result`' },
  states: { title: 'custom states with meta' },
  started: { title: 'STARTED' },
  expiry: { title: '`result_expires`, `celery.backend_cleanup` run at the other end' },
  compression: { title: 'compression' },
  chain: { title: 'chain whose steps alternate' },
  group: { title: 'group of both languages, `join`' },
  saved_group: {
    title: '`GroupResult`: completed count, saved and restored at the other end',
    absent: onRpc('Celery’s RPC backend cannot keep groups'),
  },
  chord: { title: 'chord of both languages', absent: withoutChords },
  chord_unlock: {
    title: '`celery.chord_unlock` run at the other end',
    absent: ({ backend }) => (backend === 'postgresql' ? undefined : noUnlocking(backend)),
  },
  chord_error: { title: 'chord whose member fails: `ChordError`, errbacks', absent: withoutChords },
  nested: { title: 'chain, group and chord, three deep, alternating', absent: withoutChords },
  nested_error: {
    title: 'the same with an error in the middle',
    absent: withoutChords,
  },
  chain_error: { title: 'chain with an error in the middle' },
  map: { title: 'map' },
  starmap: { title: 'starmap' },
  chunks: { title: 'chunks' },
  immutable: { title: 'immutable signatures' },
  partials: { title: 'partials' },
  link: { title: 'link' },
  link_error_id: { title: 'link_error with the id' },
  link_error_here: { title: 'link_error with request, error and traceback' },
  replace: {
    title: 'replace, by a chain of both languages',
    absent: ({ backend, direction }) =>
      backend === 'rpc' && direction === 'Node→Python'
        ? 'Celery’s replacements answer their own worker'
        : undefined,
  },
  stamps: {
    title: 'stamps, along a chain',
    absent: ({ python }) => (python === 'old' ? 'Celery 5.2 has no stamps' : undefined),
  },
  priority: { title: 'priority' },
  headers: { title: 'headers' },
  retry: { title: 'retry, explicit' },
  autoretry: { title: 'retry, automatic' },
  exhausted: { title: 'retries exhausted' },
  ignore: { title: '`Ignore`' },
  reject: { title: '`Reject`, for good and back to the queue' },
  eta: { title: 'eta and countdown' },
  expires: { title: 'expires' },
  soft_limit: { title: 'soft time limit' },
  hard_limit: { title: 'hard time limit' },
  rate_limit: { title: 'rate limit' },
  children: {
    title: 'children',
    absent: ({ python, backend }) =>
      python === 'old' && backend === 'postgresql'
        ? 'Celery 5.2 has no column for them'
        : undefined,
  },
  tree: {
    title: '`parent`: the tree of a chain with a chord, `as_tuple` read at the other end',
    absent: withoutChords,
  },
  revoke: { title: 'revoke', absent: withoutControl },
  terminate: { title: 'revoke of a running task: terminate', absent: withoutControl },
} satisfies Readonly<Record<string, Feature>>

function noUnlocking(backend: Backend): string {
  return backend === 'redis' ? 'its chords are counted, no task polls' : CHORDS
}

export type FeatureName = keyof typeof FEATURES

export const FEATURE_NAMES = Object.keys(FEATURES) as readonly FeatureName[]

/** Why there is no such cell; undefined where there is one. */
export function absence(name: FeatureName, column: Column): string | undefined {
  const feature: Feature = FEATURES[name]
  return feature.absent?.(column)
}
