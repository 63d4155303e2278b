/** Settings as Celery names them, with a call; `queue` is a name that no other case has. */
export interface PublishedCase {
  readonly name: string
  /** Of a task that neither side declares; of ignore_result, docs/interop.md says how it differs. */
  readonly isByName?: true
  readonly settings?: (queue: string) => Readonly<Record<string, unknown>>
  /** As apply_async names them. */
  readonly options?: (queue: string) => Readonly<Record<string, unknown>>
}

const ARGS_QUEUE = 'and-more'

export const PUBLISHED_CASES: readonly PublishedCase[] = [
  { name: 'nothing' },
  ...['yaml', 'msgpack'].map((name) => ({
    name: `task_serializer ${name}`,
    settings: () => ({ task_serializer: name }),
  })),
  {
    name: 'task_serializer, and another one in the call',
    settings: () => ({ task_serializer: 'yaml' }),
    options: () => ({ serializer: 'json' }),
  },
  ...['gzip', 'zlib', 'lzma'].map((name) => ({
    name: `task_compression ${name}`,
    settings: () => ({ task_compression: name }),
  })),
  {
    name: 'task_compression, and another one in the call',
    settings: () => ({ task_compression: 'gzip' }),
    options: () => ({ compression: 'zlib' }),
  },
  { name: 'task_default_priority', settings: () => ({ task_default_priority: 4 }) },
  {
    name: 'task_default_priority, and another one in the call',
    settings: () => ({ task_default_priority: 4 }),
    options: () => ({ priority: 0 }),
  },
  {
    name: 'task_default_priority, and a queue in the call',
    settings: () => ({ task_default_priority: 4 }),
    options: (queue) => ({ queue }),
  },
  {
    name: 'task_default_priority, by name',
    isByName: true,
    settings: () => ({ task_default_priority: 4 }),
    options: () => ({ ignore_result: false }),
  },
  { name: 'a queue in the call', options: (queue) => ({ queue }) },
  {
    name: 'a queue in the call, by name',
    isByName: true,
    options: (queue) => ({ queue, ignore_result: false }),
  },
  { name: 'a queue and a priority in the call', options: (queue) => ({ queue, priority: 0 }) },
  {
    name: 'task_queue_max_priority, and a queue in the call',
    settings: () => ({ task_queue_max_priority: 10 }),
    options: (queue) => ({ queue }),
  },
  {
    name: 'task_routes with a priority, and task_default_priority',
    settings: (queue) => ({
      task_default_priority: 4,
      task_routes: { 'probe.*': { queue: `${queue}-routed`, priority: 3 } },
    }),
  },
  {
    name: 'task_routes with a priority, and another queue in the call',
    settings: (queue) => ({ task_routes: { 'probe.*': { queue, priority: 3 } } }),
    options: (queue) => ({ queue: `${queue}-${ARGS_QUEUE}` }),
  },
  ...[1, 2, 'transient', 'persistent'].map((mode) => ({
    name: `task_default_delivery_mode ${mode}`,
    settings: () => ({ task_default_delivery_mode: mode }),
  })),
  { name: 'task_protocol 1', settings: () => ({ task_protocol: 1 }) },
  {
    name: 'task_protocol 1 with a countdown',
    settings: () => ({ task_protocol: 1 }),
    options: () => ({ countdown: 3_600, expires: 7_200 }),
  },
  { name: 'a countdown and an end', options: () => ({ countdown: 3_600, expires: 7_200 }) },
  {
    name: 'timezone',
    settings: () => ({ timezone: 'Asia/Kolkata' }),
    options: () => ({ countdown: 3_600, expires: 7_200 }),
  },
  {
    name: 'enable_utc off, with a timezone',
    settings: () => ({ timezone: 'Asia/Kolkata', enable_utc: false }),
    options: () => ({ countdown: 3_600, expires: 7_200 }),
  },
  {
    name: 'enable_utc off',
    settings: () => ({ enable_utc: false }),
    options: () => ({ countdown: 3_600 }),
  },
  { name: 'task_ignore_result', settings: () => ({ task_ignore_result: true }) },
  {
    name: 'task_ignore_result, and not in the call',
    settings: () => ({ task_ignore_result: true }),
    options: () => ({ ignore_result: false }),
  },
  { name: 'task_repr_maxlevels', settings: () => ({ task_repr_maxlevels: 1 }) },
  { name: 'task_time_limit', settings: () => ({ task_time_limit: 9, task_soft_time_limit: 5 }) },
  {
    name: 'task_time_limit, and others in the call',
    settings: () => ({ task_time_limit: 9, task_soft_time_limit: 5 }),
    options: () => ({ time_limit: 4, soft_time_limit: 3 }),
  },
  {
    name: 'task_default_exchange and task_default_routing_key',
    settings: (queue) => ({
      task_default_exchange: `${queue}-exchange`,
      task_default_routing_key: `${queue}.key`,
    }),
  },
  {
    name: 'task_default_exchange_type',
    settings: (queue) => ({
      task_default_exchange: `${queue}-topic`,
      task_default_exchange_type: 'topic',
    }),
  },
  { name: 'task_queue_max_priority', settings: () => ({ task_queue_max_priority: 10 }) },
  { name: 'task_default_queue_type', settings: () => ({ task_default_queue_type: 'quorum' }) },
  {
    name: 'a queue that only the call names',
    options: (queue) => ({ queue: `${queue}-${ARGS_QUEUE}` }),
  },
  {
    name: 'task_create_missing_queue_type',
    settings: () => ({ task_create_missing_queue_type: 'quorum' }),
    options: (queue) => ({ queue: `${queue}-${ARGS_QUEUE}` }),
  },
  {
    name: 'task_create_missing_queue_exchange_type',
    settings: () => ({ task_create_missing_queue_exchange_type: 'topic' }),
    options: (queue) => ({ queue: `${queue}-${ARGS_QUEUE}` }),
  },
  {
    name: 'task_create_missing_queues off',
    settings: () => ({ task_create_missing_queues: false }),
    options: (queue) => ({ queue: `${queue}-${ARGS_QUEUE}` }),
  },
  {
    name: 'task_queues',
    settings: (queue) => ({
      task_queues: {
        [queue]: { exchange: `${queue}-x`, exchange_type: 'topic', routing_key: `${queue}.#` },
        [`${queue}-b`]: { exchange: `${queue}-x`, exchange_type: 'topic', routing_key: 'b.#' },
      },
    }),
    options: (queue) => ({ queue }),
  },
  {
    name: 'task_queues with arguments',
    settings: (queue) => ({
      task_queues: {
        [queue]: {
          exchange: queue,
          routing_key: queue,
          queue_arguments: { 'x-message-ttl': 600_000 },
        },
      },
    }),
  },
  {
    name: 'task_routes by name',
    settings: (queue) => ({ task_routes: { 'probe.note': { queue: `${queue}-routed` } } }),
  },
  {
    name: 'task_routes by pattern',
    settings: (queue) => ({ task_routes: { 'probe.*': `${queue}-routed` } }),
  },
  {
    name: 'task_routes with options',
    settings: (queue) => ({
      task_routes: { 'probe.note': { queue: `${queue}-routed`, priority: 3, delivery_mode: 1 } },
    }),
  },
  {
    name: 'task_routes with a compression',
    settings: (queue) => ({
      task_routes: { 'probe.*': { queue: `${queue}-routed`, compression: 'gzip' } },
    }),
  },
  {
    name: 'task_routes with a mode, and another one in the call',
    settings: (queue) => ({
      task_routes: { 'probe.*': { queue: `${queue}-routed`, delivery_mode: 'transient' } },
    }),
    options: () => ({ delivery_mode: 2 }),
  },
  {
    name: 'task_annotations with a compression and limits',
    settings: () => ({
      task_time_limit: 90,
      task_annotations: { '*': { compression: 'gzip', time_limit: 7, soft_time_limit: 3 } },
    }),
  },
  {
    name: 'task_routes, and another queue in the call',
    settings: (queue) => ({ task_routes: { 'probe.*': { queue: `${queue}-routed` } } }),
    options: (queue) => ({ queue: `${queue}-${ARGS_QUEUE}` }),
  },
  {
    name: 'task_annotations',
    settings: () => ({
      task_annotations: { 'probe.note': { priority: 6, serializer: 'yaml', ignore_result: true } },
    }),
  },
  {
    name: 'a priority, a mode and headers in the call',
    options: () => ({ priority: 9, delivery_mode: 1, headers: { tenant: 'acme' } }),
  },
  { name: 'a shadow in the call', options: () => ({ shadow: 'another.name' }) },
]
