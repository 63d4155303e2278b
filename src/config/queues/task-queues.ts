import { isRecord } from '../../protocol/field-readers.ts'
import type { ExchangeType } from '../../protocol/routing/topology.ts'
import { asList, type Dict } from '../resolve/value-types.ts'
import { exchangeProblems, taskQueueProblems } from './task-queue-problems.ts'

/** A queue that tasks go to, with the exchange and key that it is bound with. */
export interface TaskQueue {
  readonly name: string
  readonly exchange: string
  readonly exchange_type: ExchangeType
  readonly routing_key: string
  readonly queue_arguments: Dict
  readonly durable: boolean
  readonly exclusive: boolean
  readonly auto_delete: boolean
}

/** What a queue given in part takes the rest from. */
export interface QueueDefaults {
  readonly exchange: string
  readonly exchange_type: ExchangeType
}

const NO_QUEUES = 'task_queues: expected a list of names or dicts, or a dict by name'

/**
 * The queues of `task_queues` in any of Celery's forms: a list of names or of dicts with a name, or a dict by
 * name. Mistakes go to `problems`.
 */
export function readTaskQueues(
  given: unknown,
  defaults: QueueDefaults,
  problems: string[],
): readonly TaskQueue[] {
  const entries = entriesOf(given)
  const mistakes = entries === undefined ? [NO_QUEUES] : taskQueueProblems(entries)
  problems.push(...mistakes)
  if (entries === undefined || mistakes.length > 0) return []
  // Entries without problems are names with dicts of options.
  const queues = entries.map(([name, options]) =>
    taskQueue(String(name), options as Dict, defaults),
  )
  problems.push(...exchangeProblems(queues))
  return queues
}

export function taskQueue(name: string, options: Dict, defaults: QueueDefaults): TaskQueue {
  const exchange = exchangeOf(options, defaults)
  return {
    name,
    ...exchange,
    routing_key: String(options.routing_key ?? options.binding_key ?? name),
    queue_arguments: (options.queue_arguments ?? {}) as Dict,
    durable: options.durable !== false,
    exclusive: options.exclusive === true,
    auto_delete: options.auto_delete === true,
  }
}

/** A queue that names an exchange and no type has a direct one, as kombu's. */
function exchangeOf(options: Dict, defaults: QueueDefaults): QueueDefaults {
  const { exchange, exchange_type: type } = options
  const named = isRecord(exchange) ? exchange : { name: exchange, type }
  const name = typeof named.name === 'string' ? named.name : ''
  if (name === '') return defaults
  const otherwise = name === defaults.exchange ? defaults.exchange_type : 'direct'
  return { exchange: name, exchange_type: (named.type ?? type ?? otherwise) as ExchangeType }
}

function entriesOf(given: unknown): readonly (readonly [unknown, unknown])[] | undefined {
  if (given instanceof Map) return [...given]
  if (isRecord(given)) return Object.entries(given)
  return asList(given)?.map((item) => {
    if (typeof item === 'string') return [item, {}]
    return isRecord(item) ? [item.name, item] : [undefined, item]
  })
}
