import {
  type Binding,
  durableExchange,
  durableQueue,
  type ExchangeBinding,
  type ExchangeType,
  type Queue,
  type Topology,
} from './topology.ts'

/**
 * Native delayed delivery, as Celery 5.5+ has it on RabbitMQ: level n holds a message for 2^n seconds, or passes it
 * on, as bit n of the delay in its routing key says. From level 0 it comes back to where it was meant to go.
 * https://docs.celeryq.dev/en/stable/getting-started/backends-and-brokers/rabbitmq.html#native-delayed-delivery
 */
const LEVELS = 28
const TOP_LEVEL = LEVELS - 1

export const LONGEST_DELAY_SECONDS = 2 ** LEVELS - 1

/** Where a delayed message is published. */
export const DELAYING_EXCHANGE = levelName(TOP_LEVEL)

/** Where it comes out; bound to the exchanges of the task queues. */
export const DELIVERY_EXCHANGE = 'celery_delayed_delivery'

export type DelayQueueType = 'quorum' | 'classic'

/** The exchanges and queues of all levels: the same for all clients of a broker. */
export function delayLevels(queueType: DelayQueueType): Required<Topology> {
  const levels = Array.from({ length: LEVELS }, (_, n) => TOP_LEVEL - n)
  return {
    exchanges: [...levels.map(levelName), DELIVERY_EXCHANGE].map((name) =>
      durableExchange(name, 'topic'),
    ),
    queues: levels.map((level) => levelQueue(level, queueType)),
    bindings: levels.map((level) => ({
      exchange: levelName(level),
      queue: levelName(level),
      routingKey: keyPattern(level, 1),
    })),
    exchangeBindings: levels.map((level) => ({
      source: levelName(level),
      destination: nextExchange(level),
      routingKey: keyPattern(level, 0),
    })),
  }
}

/**
 * How delayed messages find back to the queues of a topology: each binding is there a second time, for its key with
 * a delay before it. Queues on direct exchanges cannot be reached so, nor can Celery reach them.
 */
export function delayedBindings({
  exchanges,
  bindings,
}: Pick<Topology, 'exchanges' | 'bindings'>): {
  readonly bindings: readonly Binding[]
  readonly exchangeBindings: readonly ExchangeBinding[]
} {
  const types = new Map<string, ExchangeType>(exchanges.map(({ name, type }) => [name, type]))
  const reachable = bindings.filter(
    ({ exchange }) => (types.get(exchange) ?? 'direct') !== 'direct',
  )
  return {
    bindings: reachable.map((binding) => ({
      ...binding,
      routingKey: afterDelay(binding.routingKey),
    })),
    exchangeBindings: reachable.map(({ exchange, routingKey }) => ({
      source: DELIVERY_EXCHANGE,
      destination: exchange,
      routingKey: afterDelay(routingKey),
    })),
  }
}

/** The key that a binding needs to take what the key it has takes, with a delay before it or without. */
export function afterDelay(bindingKey: string): string {
  return bindingKey.startsWith('#') ? bindingKey : `#.${bindingKey}`
}

/** The routing key of a message that is to come after so many whole seconds, from 1 to `LONGEST_DELAY_SECONDS`. */
export function delayedRoutingKey(seconds: number, routingKey: string): string {
  const bits = seconds.toString(2).padStart(LEVELS, '0')
  return `${[...bits].join('.')}.${routingKey}`
}

/** The routing key as it was before a delay was put in front of it. */
export function undelayedRoutingKey(routingKey: string): string {
  return routingKey.replace(DELAY, '')
}

/** Whether an exchange is one that delayed messages pass. */
export function isDelayExchange(exchange: string): boolean {
  return /^celery_delayed_(?:\d+|delivery)$/.test(exchange)
}

const DELAY = new RegExp(`^(?:[01]\\.){${LEVELS}}`)

function levelName(level: number): string {
  return `celery_delayed_${level}`
}

function nextExchange(level: number): string {
  return level === 0 ? DELIVERY_EXCHANGE : levelName(level - 1)
}

function levelQueue(level: number, queueType: DelayQueueType): Queue {
  return durableQueue(levelName(level), {
    'x-queue-type': queueType,
    'x-overflow': 'reject-publish',
    'x-message-ttl': 2 ** level * 1_000,
    'x-dead-letter-exchange': nextExchange(level),
    ...(queueType === 'quorum' ? { 'x-dead-letter-strategy': 'at-least-once' } : {}),
  })
}

/** Matches keys in which this level's bit is the given one. */
function keyPattern(level: number, bit: 0 | 1): string {
  return `${'*.'.repeat(TOP_LEVEL - level)}${bit}.#`
}
