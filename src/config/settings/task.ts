import { router } from '../queues/routes.ts'
import {
  annotations,
  compressionName,
  rateLimit,
  retryPolicy,
  serializerName,
} from '../resolve/named-types.ts'
import {
  anything,
  boolean,
  count,
  filledText,
  nullable,
  octet,
  oneOf,
  seconds,
  text,
  unfit,
  type ValueType,
} from '../resolve/value-types.ts'
import { setting } from '../setting.ts'

const exchangeType = oneOf('topic', 'direct', 'fanout', 'headers')
const protocol: ValueType<1 | 2> = {
  name: '1 or 2',
  environmentText: 'literal',
  read: (value) => (value === 1 || value === 2 ? value : unfit),
}

const DELIVERY_MODES: ReadonlyMap<unknown, 1 | 2> = new Map<unknown, 1 | 2>([
  [1, 1],
  [2, 2],
  ['1', 1],
  ['2', 2],
  ['transient', 1],
  ['persistent', 2],
])
const deliveryMode: ValueType<1 | 2, 1 | 2 | 'transient' | 'persistent'> = {
  name: "1 or 'transient', 2 or 'persistent'",
  environmentText: 'raw',
  read: (value) => DELIVERY_MODES.get(value) ?? unfit,
}

export const taskSettings = {
  task_acks_late: setting(
    boolean,
    false,
    'Acknowledge a message after its task has run instead of before.',
  ),
  task_acks_on_failure_or_timeout: setting(
    boolean,
    true,
    'With late acknowledgement: acknowledge also when the task failed or ran out of time.',
  ),
  task_acks_on_failure: setting(
    nullable(boolean),
    null,
    'As task_acks_on_failure_or_timeout, for failures alone; None follows it.',
    { since: '5.7' },
  ),
  task_acks_on_timeout: setting(
    nullable(boolean),
    null,
    'As task_acks_on_failure_or_timeout, for time limits alone; None follows it.',
    { since: '5.7' },
  ),
  task_allow_error_cb_on_chord_header: setting(
    boolean,
    false,
    'Call the error callbacks of a chord body for its failing header tasks too.',
  ),
  task_always_eager: setting(
    boolean,
    false,
    'Run tasks in the process that calls them, before the call returns.',
  ),
  task_annotations: setting(
    nullable(annotations),
    null,
    'Changes to the attributes of tasks: a dict by task name (or *), an object with annotate(task) and annotateAny(), or a list of such.',
  ),
  task_compression: setting(
    nullable(compressionName),
    null,
    'How message bodies are compressed: gzip, zlib, brotli, lzma, zstd or None.',
  ),
  task_create_missing_queues: setting(
    boolean,
    true,
    "With TOPOLOGY 'celery': declare a queue that a call names and task_queues does not have; otherwise refuse such a call.",
  ),
  task_create_missing_queue_type: setting(
    oneOf('classic', 'quorum'),
    'classic',
    'The type of queues that are declared because a call named them.',
  ),
  task_create_missing_queue_exchange_type: setting(
    nullable(exchangeType),
    null,
    'The type of the exchange of such a queue; None is direct.',
  ),
  task_default_delivery_mode: setting(
    deliveryMode,
    2,
    'Whether messages survive a restart of the broker: 2 or persistent, 1 or transient.',
  ),
  task_default_exchange: setting(
    nullable(filledText),
    'task_exchange',
    'The exchange that tasks are published to.',
    { celeryDefault: null },
  ),
  task_default_exchange_type: setting(
    exchangeType,
    'topic',
    'The type of that exchange; mirroring needs topic.',
    { celeryDefault: 'direct' },
  ),
  task_default_priority: setting(
    nullable(octet),
    null,
    'The priority of the calls of tasks that the app declares, where neither the call nor the task sets one.',
  ),
  task_default_queue: setting(
    filledText,
    'celery',
    'The queue of tasks without a route; always declared.',
  ),
  task_default_queue_type: setting(
    oneOf('classic', 'quorum'),
    'classic',
    'The type of the queues that follow from QUEUES.',
  ),
  task_default_rate_limit: setting(
    nullable(rateLimit),
    null,
    'The rate limit of tasks that have none of their own, e.g. 10/m.',
  ),
  task_default_routing_key: setting(
    nullable(text),
    null,
    'The routing key of the default queue; None is its name.',
  ),
  task_eager_propagates: setting(
    boolean,
    false,
    'Let the errors of eagerly run tasks reach the caller.',
  ),
  task_ignore_result: setting(boolean, false, 'Keep no results.'),
  task_inherit_parent_priority: setting(
    boolean,
    false,
    'Give a task that another one calls the priority of its caller.',
  ),
  task_protocol: setting(protocol, 2, 'The version of the message protocol that is sent.'),
  task_publish_retry: setting(
    boolean,
    true,
    'Publish again when the connection is lost meanwhile.',
  ),
  task_publish_retry_policy: setting(
    retryPolicy,
    { max_retries: 3, interval_start: 0, interval_max: 1, interval_step: 0.2 },
    'How often and how fast publishing is tried again.',
  ),
  task_queue_max_priority: setting(
    nullable(octet),
    null,
    'Declare the queues with this x-max-priority.',
  ),
  task_queues: setting(
    anything,
    null,
    'The queues and their bindings; by default they follow from QUEUES.',
    { celeryDefault: null },
  ),
  task_reject_on_worker_lost: setting(
    nullable(boolean),
    null,
    'Put a late-acked message back when the process that ran it dies.',
  ),
  task_remote_tracebacks: setting(
    boolean,
    false,
    'Show the traceback of the worker where a result is read (Python, with tblib).',
    { state: 'python' },
  ),
  task_repr_maxlevels: setting(
    count,
    3,
    'How deep nested arguments are shown in argsrepr and kwargsrepr; 0 is without limit.',
    { since: '5.7' },
  ),
  task_retry_on_worker_lost: setting(boolean, false, 'Retry a task whose process died.', {
    since: '5.7',
  }),
  task_routes: setting(
    nullable(router),
    null,
    "How a task finds its exchange and key; by default by the first dotted part of the task's name.",
    { celeryDefault: null },
  ),
  task_send_sent_event: setting(boolean, false, 'Send a task-sent event for each call.'),
  task_serializer: setting(serializerName, 'json', 'How message bodies are written.'),
  task_soft_time_limit: setting(
    nullable(seconds),
    null,
    'Seconds after which a task is asked to stop.',
  ),
  task_store_eager_result: setting(boolean, false, 'Keep the results of eagerly run tasks too.'),
  task_store_errors_even_if_ignored: setting(
    boolean,
    false,
    'Keep failures even where results are ignored.',
  ),
  task_time_limit: setting(
    nullable(seconds),
    null,
    'Seconds after which a task is ended by force.',
  ),
  task_track_started: setting(boolean, true, 'Record that a task has started.', {
    celeryDefault: false,
  }),
}
