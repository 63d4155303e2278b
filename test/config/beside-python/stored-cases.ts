import type { WorkerCase } from './both-workers.ts'

/** What a worker keeps of `add(1, 2)`, of a task that fails, of one that runs, and of the first member of a chord of two. */
export interface StoredCase extends WorkerCase {
  readonly store: keyof typeof BACKENDS
  readonly settings: Readonly<Record<string, unknown>>
  readonly calls: readonly Call[]
}

export type Call = 'add' | 'fail' | 'wait' | 'member'

const BACKENDS = { redis: '{redis}', database: '{database}', rpc: 'rpc://' }
const ZONE = 'Asia/Kolkata'
const STARTED = { task_track_started: true }
const IGNORED = { task_ignore_result: true, ...STARTED }
const WITH_ERRORS = { ...IGNORED, task_store_errors_even_if_ignored: true }

export const STORED_CASES: readonly StoredCase[] = [
  kept('redis', 'plain', {}),
  kept('redis', 'started', { ...STARTED, result_expires: 600, result_failure_expires: 300 }),
  kept('redis', 'never', { result_expires: 0, timezone: ZONE }),
  kept('redis', 'none', { result_expires: null, timezone: ZONE, enable_utc: false }),
  kept('redis', 'fraction', { result_expires: 90.7, result_failure_expires: 0 }),
  kept('redis', 'extended', { ...STARTED, result_extended: true, ...prefixed('mine_') }),
  kept('redis', 'yaml', { result_serializer: 'yaml', ...prefixed('mine') }),
  kept('redis', 'msgpack', { result_serializer: 'msgpack' }),
  kept('redis', 'gzip', { result_compression: 'gzip' }),
  kept('redis', 'zlib', { result_compression: 'zlib', result_serializer: 'yaml' }),
  // Python pickles an exception as an object of its class, and reads ours, which are dicts.
  kept('redis', 'pickle', { result_serializer: 'pickle' }, ['add', 'wait']),
  kept('redis', 'ignored', IGNORED),
  kept('redis', 'errors', WITH_ERRORS),
  kept('redis', 'chord', { result_expires: 600, result_chord_expires: 300 }, ['member', 'wait']),
  kept('redis', 'chord-never', { result_expires: 0 }, ['member', 'wait']),
  kept(
    'redis',
    'chord-unordered',
    {
      result_expires: 300,
      result_chord_expires: 600,
      result_backend_transport_options: { result_chord_ordered: false, global_keyprefix: 'mine' },
    },
    ['member', 'wait'],
  ),
  kept('database', 'plain', { timezone: ZONE }),
  kept('database', 'extended', { ...STARTED, result_extended: true }),
  kept('database', 'yaml', { result_serializer: 'yaml', result_extended: true }),
  kept('database', 'names', {
    database_table_names: { task: 'my_tasks', group: 'my_groups' },
    database_table_schemas: { task: 'mine', group: 'mine' },
  }),
  kept('database', 'gzip', { result_compression: 'gzip' }),
  kept('database', 'ignored', IGNORED),
  kept('database', 'errors', WITH_ERRORS),
  kept('rpc', 'plain', STARTED),
  kept('rpc', 'persistent', { result_persistent: true, timezone: ZONE }),
  kept('rpc', 'transient', { result_persistent: false, result_expires: 60 }),
  kept('rpc', 'extended', { result_extended: true, result_serializer: 'yaml' }),
  kept('rpc', 'msgpack', { result_serializer: 'msgpack', task_compression: 'gzip' }),
  kept('rpc', 'gzip', { result_compression: 'gzip' }),
  kept('rpc', 'ignored', IGNORED),
  kept('rpc', 'errors', WITH_ERRORS),
]

function kept(
  store: StoredCase['store'],
  name: string,
  settings: StoredCase['settings'],
  calls: readonly Call[] = ['add', 'fail', 'wait'],
): StoredCase {
  const result_backend = BACKENDS[store]
  return {
    name: `${store}-${name}`,
    store,
    settings: { result_backend, task_track_started: false, ...settings },
    calls,
  }
}

function prefixed(prefix: string) {
  return { result_backend_transport_options: { global_keyprefix: prefix } }
}
