export type ExchangeType = 'direct' | 'topic' | 'fanout' | 'headers'

export interface Exchange {
  readonly name: string
  readonly type: ExchangeType
  readonly durable: boolean
  readonly autoDelete: boolean
  readonly arguments: Readonly<Record<string, unknown>>
}

export interface Queue {
  readonly name: string
  readonly durable: boolean
  readonly exclusive: boolean
  readonly autoDelete: boolean
  readonly arguments: Readonly<Record<string, unknown>>
}

/** Messages published to `exchange` with a key that matches `routingKey` go to `queue`. */
export interface Binding {
  readonly exchange: string
  readonly queue: string
  readonly routingKey: string
}

/** Messages that come to the exchange `source` with a key that matches `routingKey` are passed to the exchange `destination`. */
export interface ExchangeBinding {
  readonly source: string
  readonly destination: string
  readonly routingKey: string
}

/** Everything a broker declares: exchanges first, then queues, then bindings. */
export interface Topology {
  readonly exchanges: readonly Exchange[]
  readonly queues: readonly Queue[]
  readonly bindings: readonly Binding[]
  readonly exchangeBindings?: readonly ExchangeBinding[]
}

export function durableExchange(name: string, type: ExchangeType): Exchange {
  return { name, type, durable: true, autoDelete: false, arguments: {} }
}

export function durableQueue(name: string, args: Readonly<Record<string, unknown>> = {}): Queue {
  return { name, durable: true, exclusive: false, autoDelete: false, arguments: args }
}

/**
 * Whether a topic binding takes a routing key: `*` is one word, `#` any number of words (AMQP 0-9-1, 3.1.3.3).
 */
function topicMatches(pattern: string, routingKey: string): boolean {
  return wordsMatch(pattern.split('.'), 0, routingKey.split('.'), 0)
}

function wordsMatch(
  pattern: readonly string[],
  at: number,
  words: readonly string[],
  word: number,
): boolean {
  if (at === pattern.length) return word === words.length
  if (pattern[at] === '#') {
    for (let rest = word; rest <= words.length; rest += 1) {
      if (wordsMatch(pattern, at + 1, words, rest)) return true
    }
    return false
  }
  if (word === words.length) return false
  return (
    (pattern[at] === '*' || pattern[at] === words[word]) &&
    wordsMatch(pattern, at + 1, words, word + 1)
  )
}

/** Whether an exchange of this type hands a message with this key to this binding, be it to a queue or an exchange. */
export function bindingTakes(
  type: ExchangeType,
  binding: Pick<Binding, 'routingKey'>,
  routingKey: string,
): boolean {
  switch (type) {
    case 'topic':
      return topicMatches(binding.routingKey, routingKey)
    case 'direct':
      return binding.routingKey === routingKey
    case 'fanout':
    case 'headers':
      return true
  }
}
