import type { Config } from '../../config/config.ts'
import { type TaskQueue, taskQueue } from '../../config/queues/task-queues.ts'
import type { CommandFunction } from '../../control/mailbox.ts'
import type { Logger } from '../../logger.ts'
import type { ExchangeType } from '../../protocol/routing/topology.ts'
import { type Arguments, optionalText, refused, requiredText } from './arguments.ts'
import type { ControlledQueues } from './controlled-worker.ts'

interface QueueCommandParts {
  readonly queues: ControlledQueues
  readonly config: Config
  readonly logger: Logger
}

/** The commands about the queues a worker takes from, with Celery's names, arguments and answers. */
export function queueCommands(
  parts: QueueCommandParts,
): readonly (readonly [string, CommandFunction])[] {
  return [
    ['active_queues', () => parts.queues.list.map(queueInfo)],
    ['add_consumer', (args) => addConsumer(parts, args)],
    ['cancel_consumer', (args) => cancelConsumer(parts, args)],
  ]
}

async function addConsumer(
  { queues, config, logger }: QueueCommandParts,
  args: Arguments,
): Promise<unknown> {
  const queue = queueOf(args, config)
  if (await queues.add(queue)) logger.info({ queue: queue.name }, 'queue added')
  return { ok: `add consumer ${queue.name}` }
}

async function cancelConsumer(
  { queues, logger }: QueueCommandParts,
  args: Arguments,
): Promise<unknown> {
  const name = queueName(args)
  if (!(await queues.cancel(name))) {
    const taken = queues.list.map((queue) => queue.name).join(', ') || 'none'
    throw refused('queue', name, `one that is taken from: ${taken}`)
  }
  logger.info({ queue: name }, 'queue removed')
  return { ok: `no longer consuming from ${name}` }
}

/** One of the config's as it says; another one as it is asked for, else with an exchange and a key of its own name. */
function queueOf(args: Arguments, config: Config): TaskQueue {
  const name = queueName(args)
  if (name === config.platformQueue) {
    throw refused('queue', name, 'a work queue: that one is read by the monitor')
  }
  const known = config.task_queues.find((queue) => queue.name === name)
  if (known !== undefined) return known
  const { exchange: _exchange, exchange_type: _type, routing_key: _key, ...options } = args
  return taskQueue(
    name,
    { ...options, routing_key: optionalText(args, 'routing_key') ?? name },
    { exchange: optionalText(args, 'exchange') ?? name, exchange_type: exchangeType(args) },
  )
}

/** AMQP counts the bytes of a name in one byte. */
function queueName(args: Arguments): string {
  const name = requiredText(args, 'queue')
  if (Buffer.byteLength(name) <= 255) return name
  throw refused('queue', `${name.slice(0, 40)}…`, 'a name of at most 255 bytes')
}

const TYPES: readonly string[] = ['direct', 'topic', 'fanout', 'headers'] satisfies ExchangeType[]

function exchangeType(args: Arguments): ExchangeType {
  const type = optionalText(args, 'exchange_type') ?? 'direct'
  if (TYPES.includes(type)) return type as ExchangeType // just looked up
  throw refused('exchange_type', type, `one of ${TYPES.join(', ')}`)
}

/** As kombu's `Queue.as_dict(recurse=True)`. */
function queueInfo(queue: TaskQueue): unknown {
  const { queue_arguments: given } = queue
  return {
    name: queue.name,
    exchange: {
      name: queue.exchange,
      type: queue.exchange_type,
      arguments: null,
      durable: true,
      passive: false,
      auto_delete: false,
      delivery_mode: null,
      no_declare: false,
    },
    routing_key: queue.routing_key,
    queue_arguments: Object.keys(given).length === 0 ? null : given,
    binding_arguments: null,
    consumer_arguments: null,
    durable: queue.durable,
    exclusive: queue.exclusive,
    auto_delete: queue.auto_delete,
    no_ack: false,
    alias: null,
    bindings: [],
    no_declare: null,
    expires: null,
    message_ttl: null,
    max_length: null,
    max_length_bytes: null,
    max_priority: null,
  }
}
