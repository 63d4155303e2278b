/** A command of remote control, as the command line takes it. */
export interface RemoteCommand {
  /** Its arguments in their order; those whose names end with `?` may be left out. */
  readonly args?: readonly (readonly [string, ArgumentType])[]
  /** The argument that takes all that is left. */
  readonly variadic?: string
  readonly signature?: string
  readonly help: string
}

export type ArgumentType = 'text' | 'integer' | 'seconds' | 'boolean'

/** What asks, with Celery's names. */
export const INSPECT: Readonly<Record<string, RemoteCommand>> = {
  active: { help: 'the tasks that run' },
  active_queues: { help: 'the queues that are taken from' },
  clock: { help: "the workers' logical clocks" },
  conf: {
    args: [['with_defaults?', 'boolean']],
    signature: '[include_defaults=False]',
    help: 'the settings, secrets masked',
  },
  memdump: {
    args: [['samples?', 'integer']],
    signature: '[n_samples=10]',
    help: "the memory of earlier memsamples (Python's workers only)",
  },
  memsample: { help: 'the memory in use' },
  objgraph: {
    args: [
      ['type?', 'text'],
      ['num?', 'integer'],
      ['max_depth?', 'integer'],
    ],
    signature: '[object_type=Request] [num=200 [max_depth=10]]',
    help: "a picture of objects in memory (Python's workers only)",
  },
  ping: { help: 'who is there' },
  query_task: {
    variadic: 'ids',
    signature: '[id1 [id2 [... [idN]]]]',
    help: 'these tasks, where they are taken or run',
  },
  registered: {
    variadic: 'taskinfoitems',
    signature: '[attr1 [attr2 [... [attrN]]]]',
    help: 'the tasks that can be run, with these options',
  },
  report: { help: 'what to send along with a bug' },
  reserved: { help: 'the tasks that are taken and wait for a slot' },
  revoked: { help: 'the ids that are revoked' },
  scheduled: { help: 'the tasks that wait for their eta' },
  stats: { help: 'runs, pool, broker, prefetch, resources' },
}

/** What changes, with Celery's names. */
export const CONTROL: Readonly<Record<string, RemoteCommand>> = {
  add_consumer: {
    args: [
      ['queue', 'text'],
      ['exchange?', 'text'],
      ['exchange_type?', 'text'],
      ['routing_key?', 'text'],
    ],
    signature: '<queue> [exchange [type [routing_key]]]',
    help: 'take from one more queue',
  },
  autoscale: {
    args: [
      ['max?', 'integer'],
      ['min?', 'integer'],
    ],
    signature: '[max [min]]',
    help: 'other limits of autoscale',
  },
  cancel_consumer: {
    args: [['queue', 'text']],
    signature: '<queue>',
    help: 'take nothing more from a queue',
  },
  disable_events: { help: 'stop sending events of tasks' },
  election: {
    args: [
      ['id', 'text'],
      ['topic', 'text'],
    ],
    signature: '<id> <topic>',
    help: 'let the workers choose one of them',
  },
  enable_events: { help: 'send events of tasks, for monitors' },
  heartbeat: { help: 'say at once who is there, as events' },
  pool_grow: { args: [['n?', 'integer']], signature: '[N=1]', help: 'so many more slots' },
  pool_restart: { help: 'new threads or processes (where worker_pool_restarts is on)' },
  pool_shrink: { args: [['n?', 'integer']], signature: '[N=1]', help: 'so many slots fewer' },
  rate_limit: {
    args: [
      ['task_name', 'text'],
      ['rate_limit', 'text'],
    ],
    signature: '<task_name> <rate_limit (e.g., 5/s | 5/m | 5/h)>',
    help: 'another rate limit of a task',
  },
  revoke: {
    variadic: 'task_id',
    signature: '[id1 [id2 [... [idN]]]]',
    help: 'do not run these tasks',
  },
  revoke_by_stamped_headers: {
    variadic: 'headers',
    signature: '[key1=value1 [key2=value2 [... [keyN=valueN]]]]',
    help: 'do not run tasks with these stamps',
  },
  shutdown: { help: 'stop, warmly: all workers, unless -d names some' },
  terminate: {
    args: [['signal', 'text']],
    variadic: 'task_id',
    signature: '<signal> [id1 [id2 [... [idN]]]]',
    help: 'end these tasks where they run',
  },
  time_limit: {
    args: [
      ['task_name', 'text'],
      ['soft', 'seconds'],
      ['hard?', 'seconds'],
    ],
    signature: '<task_name> <soft_secs> [hard_secs]',
    help: 'other time limits of a task',
  },
}
