import type { WorkerCase } from './both-workers.ts'

/** What a worker declares, takes and tells, and what becomes of its messages. */
export interface WorkedCase extends WorkerCase {
  /** The tasks that are called, in this order. */
  readonly calls: readonly WorkedCall[]
  /** How many of `wait` begin. */
  readonly begun: number
  /** Messages that are not acknowledged. Default 0. */
  readonly letters?: number
}

export type WorkedCall = 'add' | 'fail' | 'wait'

const MANY: readonly WorkedCall[] = Array.from({ length: 20 }, () => 'wait')
const EACH: readonly WorkedCall[] = ['add', 'fail', 'wait']
const LATE = { task_acks_late: true }
/** What is rejected goes to `{name}-letters`. */
const LATER = {
  ...LATE,
  task_queues: {
    '{name}': {
      exchange: '{name}',
      routing_key: '{name}',
      queue_arguments: {
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': '{name}-letters',
      },
    },
  },
}
const EVENTS = { worker_send_task_events: true, event_exchange: '{name}-events' }
const CONTROL = { control_exchange: '{name}-control' }

export const WORKED_CASES: readonly WorkedCase[] = [
  takes('prefetch', {}, 2),
  takes('prefetch-one', { worker_prefetch_multiplier: 1 }, 3),
  takes('prefetch-all', { worker_prefetch_multiplier: 0 }, 2),
  takes('late', LATE, 2),
  takes('late-one', { ...LATE, worker_prefetch_multiplier: 1 }, 3),
  takes('quorum', { ...LATE, task_default_queue_type: 'quorum' }, 2),
  { ...takes('rates', { task_default_rate_limit: '1/h' }, 2), begun: 1 },
  takes('no-rates', { task_default_rate_limit: '1/h', worker_disable_rate_limits: true }, 2),
  takes('late-each', LATE, 1, EACH),
  { ...takes('no-acks', notOfFailures('_or_timeout'), 1, EACH), letters: 1 },
  { ...takes('no-acks-of-failures', notOfFailures(''), 1, EACH), letters: 1 },
  takes('acks-of-failures', notOfTimeouts(), 1, EACH),
  takes('events', EVENTS, 1, EACH),
  takes('events-yaml', { ...EVENTS, event_serializer: 'yaml' }, 1, EACH),
  takes('no-events', { event_exchange: '{name}-events' }, 1, EACH),
  declares('priority', { task_queue_max_priority: 10 }),
  declares('direct', { worker_direct: true }),
  declares('queues', {
    task_queues: {
      '{name}': {
        exchange: '{name}-topic',
        exchange_type: 'topic',
        routing_key: '{name}.#',
        queue_arguments: { 'x-max-length': 100 },
      },
      '{name}-two': { exchange: '{name}-topic', exchange_type: 'topic', routing_key: 'two.#' },
    },
  }),
  declares('control', { ...CONTROL, control_queue_ttl: 60, control_queue_expires: 20 }),
  declares('durable', {
    ...CONTROL,
    control_queue_durable: true,
    control_queue_exclusive: false,
    control_queue_ttl: null,
    control_queue_expires: null,
  }),
  declares('no-control', { worker_enable_remote_control: false }),
]

function notOfFailures(more: string) {
  return { ...LATER, [`task_acks_on_failure${more}`]: false }
}

function notOfTimeouts() {
  return { ...LATER, task_acks_on_failure_or_timeout: false, task_acks_on_failure: true }
}

function takes(name: string, settings: object, concurrency: number, calls = MANY): WorkedCase {
  const all = { result_backend: 'disabled://', ...settings }
  return { name, settings: all, concurrency, pool: 'threads', calls, begun: concurrency }
}

function declares(name: string, settings: object): WorkedCase {
  return { ...takes(name, settings, 1, []), begun: 0 }
}
