import type { ExchangeType } from '../protocol/topology.ts'
import { asList, type Dict, isPlainObject } from './value-types.ts'

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

const EXCHANGE_TYPES: readonly unknown[] = ['topic', 'direct', 'fanout', 'headers']
const KEYS: readonly string[] = [
  'name',
  'exchange',
  'exchange_type',
  'routing_key',
  'binding_key',
  'queue_arguments',
  'durable',
  'exclusive',
  'auto_delete',
]

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
  if (entries === undefined) {
    problems.push('task_queues: expected a list of names or dicts, or a dict by name')
    return []
  }
  return entries.flatMap(([name, options]) => {
    const mistakes = mistakesOf(name, options)
    problems.push(...mistakes)
    return mistakes.length === 0 ? [taskQueue(String(name), options as Dict, defaults)] : []
  })
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
  const named = isPlainObject(exchange) ? exchange : { name: exchange, type }
  const name = typeof named.name === 'string' ? named.name : ''
  if (name === '') return defaults
  const otherwise = name === defaults.exchange ? defaults.exchange_type : 'direct'
  return { exchange: name, exchange_type: (named.type ?? type ?? otherwise) as ExchangeType }
}

function entriesOf(given: unknown): readonly (readonly [unknown, unknown])[] | undefined {
  if (given instanceof Map) return [...given]
  if (isPlainObject(given)) return Object.entries(given)
  return asList(given)?.map((item) => {
    if (typeof item === 'string') return [item, {}]
    return isPlainObject(item) ? [item.name, item] : [undefined, item]
  })
}

function mistakesOf(name: unknown, options: unknown): string[] {
  if (typeof name !== 'string' || name === '') return ['task_queues: a queue has no name']
  if (!isPlainObject(options)) return [`task_queues: queue "${name}" is no dict of options`]
  const unknown = Object.keys(options).filter((key) => !KEYS.includes(key))
  const { exchange } = options
  const type = options.exchange_type ?? (isPlainObject(exchange) ? exchange.type : undefined)
  return [
    ...unknown.map(
      (key) =>
        `task_queues: queue "${name}" has the unknown option "${key}", expected one of ${KEYS.join(', ')}`,
    ),
    ...(type === undefined || EXCHANGE_TYPES.includes(type)
      ? []
      : [
          `task_queues: queue "${name}" has the exchange type ${String(type)}, expected one of ${EXCHANGE_TYPES.join(', ')}`,
        ]),
  ]
}
