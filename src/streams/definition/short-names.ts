import { maskValue } from '../../config/masking.ts'
import { amqp } from '../links/amqp/amqp.ts'
import type { AmqpApp } from '../links/amqp/app.ts'
import { files } from '../links/files/files.ts'
import { kafka } from '../links/kafka/kafka.ts'
import { memory } from '../links/memory/memory.ts'
import { redis } from '../links/redis/redis.ts'
import { stdio } from '../links/stdio/stdio.ts'
import { zmq } from '../links/zmq/zmq.ts'
import type { ListenerLike } from '../parts/listener.ts'
import type { PublisherLike } from '../parts/publisher.ts'
import { FieldError, type Fields } from './fields.ts'

type MakeListener = (fields: Fields, app: AmqpApp | undefined) => ListenerLike
type MakePublisher = (fields: Fields, app: AmqpApp | undefined) => PublisherLike

/** The links of a block file, by their short names; fields as arroyo documents them, and ours. */
export const LISTENERS: Readonly<Record<string, MakeListener>> = {
  zmq: zmqListener,
  redis: redisListener,
  amqp: (fields, app) => {
    const [from, queue] = [appOf(fields, app), fields.required('queue')]
    const options = {
      codec: fields.codec(),
      ...given({
        exchange: fields.text('exchange'),
        routingKey: fields.text('routing_key', 'routingKey'),
        exchangeType: exchangeType(fields),
        prefetch: fields.number('prefetch'),
        stream: streamOf(fields),
      }),
    }
    return fields.made('url', () => amqp.consume(from, queue, options))
  },
  files: (fields) =>
    files.watch(fields.required('directory', 'watch_path', 'path'), {
      ...given({
        patterns: listOf(fields, 'patterns'),
        existing: fields.flag('existing'),
        recursive: fields.flag('recursive'),
        settleMs: fields.number('settleMs'),
        pollMs: fields.number('pollMs'),
      }),
    }),
  kafka: (fields) => {
    const [brokers, topic] = [brokersOf(fields), fields.required('topic')]
    const options = {
      codec: fields.codec(),
      ...given({ group: fields.text('group'), from: fromOf(fields) }),
    }
    return fields.made('brokers', () => kafka.consume(brokers, topic, options))
  },
  memory: (fields) => memory.subscribe(fields.required('name', 'channel')),
  stdio: (fields) => stdio.read({ codec: fields.codec() }),
}

export const PUBLISHERS: Readonly<Record<string, MakePublisher>> = {
  zmq: zmqPublisher,
  redis: redisPublisher,
  amqp: (fields, app) => {
    const exchange = fields.text('exchange')
    const routingKey = fields.text('routing_key', 'routingKey')
    const target =
      exchange === undefined
        ? fields.required('queue')
        : { exchange, ...given({ routingKey, exchangeType: exchangeType(fields) }) }
    const into = appOf(fields, app)
    const options = { codec: fields.codec(), ...given({ stream: fields.flag('stream') }) }
    return fields.made('url', () => amqp.publish(into, target, options))
  },
  kafka: (fields) => {
    const [brokers, topic] = [brokersOf(fields), fields.required('topic')]
    const options = {
      codec: fields.codec(),
      ...given({ key: keyOf(fields), createTopic: fields.flag('createTopic') }),
    }
    return fields.made('brokers', () => kafka.publish(brokers, topic, options))
  },
  memory: (fields) => memory.publish(fields.required('name', 'channel')),
  stdio: (fields) => stdio.write({ codec: fields.codec() }),
}

/** `arroyopy.zmq.ZMQListener` and its like stand for our links. */
export function shortNameOf(name: string): string {
  const last = name.split('.').at(-1) ?? ''
  return name.startsWith('arroyopy.') ? (ARROYO[last] ?? name) : name
}

const ARROYO: Readonly<Record<string, string>> = {
  ZMQListener: 'zmq',
  ZMQPubSubListener: 'zmq',
  ZMQPublisher: 'zmq',
  ZMQPubSubPublisher: 'zmq',
  RedisListener: 'redis',
  RedisPublisher: 'redis',
  FileWatcherListener: 'files',
}

function zmqListener(fields: Fields): ListenerLike {
  const kind = kindOf(fields, ['SUB', 'PULL', 'PAIR'])
  const topic = fields.text('topic')
  const options = { ...zmqOptions(fields), ...given({ topic }) }
  const address = zmqAddress(fields)
  return fields.made('address', () => {
    if (kind === 'SUB') return zmq.subscribe(address, options)
    return kind === 'PULL' ? zmq.pull(address, options) : zmq.pairIn(address, options)
  })
}

function zmqPublisher(fields: Fields): PublisherLike {
  const kind = kindOf(fields, ['PUB', 'PUSH', 'PAIR'])
  // arroyo's publisher binds.
  const options = {
    bind: kind === 'PUB',
    ...zmqOptions(fields),
    ...given({ topic: fields.text('topic') }),
  }
  const address = zmqAddress(fields)
  return fields.made('address', () => {
    if (kind === 'PUB') return zmq.publish(address, options)
    return kind === 'PUSH' ? zmq.push(address, options) : zmq.pairOut(address, options)
  })
}

function zmqOptions(fields: Fields) {
  const curve = fields.get('curve')
  return {
    codec: fields.codec(),
    ...given({ bind: fields.flag('bind'), headers: fields.flag('headers') }),
    ...(curve !== undefined && { curve: curve as { secretKey: string } }), // the link checks each key
  }
}

function zmqAddress(fields: Fields): string {
  const [host, port] = [fields.text('host'), fields.number('port')]
  if (host !== undefined && port !== undefined) return `tcp://${host}:${port}`
  return fields.required('address')
}

/** One broker, or a list of them. */
function brokersOf(fields: Fields): string | string[] {
  const list = fields.get('brokers', 'broker')
  return Array.isArray(list) ? list.map(String) : fields.required('brokers', 'broker')
}

function redisListener(fields: Fields): ListenerLike {
  const url = redisUrl(fields)
  const stream = fields.text('stream', 'key')
  if (stream === undefined) {
    const channel = fields.required('channel')
    const codec = fields.codec()
    return fields.made('url', () => redis.subscribe(url, channel, { codec }))
  }
  const options = {
    codec: fields.codec(),
    ...given({
      group: fields.text('group'),
      consumer: fields.text('consumer'),
      claimAfterMs: fields.number('claimAfterMs'),
    }),
  }
  return fields.made('url', () => redis.readStream(url, stream, options))
}

function redisPublisher(fields: Fields): PublisherLike {
  const url = redisUrl(fields)
  const stream = fields.text('stream', 'key')
  const codec = fields.codec()
  if (stream !== undefined) return fields.made('url', () => redis.addStream(url, stream, { codec }))
  const channel = fields.required('channel')
  return fields.made('url', () => redis.publish(url, channel, { codec }))
}

function redisUrl(fields: Fields): string {
  const url = fields.text('url')
  const [host, port, db] = [fields.text('host'), fields.number('port'), fields.number('db')]
  return url ?? `redis://${host ?? 'localhost'}:${port ?? 6379}/${db ?? 0}`
}

function appOf(fields: Fields, app: AmqpApp | undefined): AmqpApp {
  const url = fields.text('url')
  if (url !== undefined) return url
  if (app !== undefined) return app
  throw new FieldError('url', 'is missing: give the url of the broker here, or an app (-A)')
}

function kindOf(fields: Fields, kinds: readonly [string, ...string[]]): string {
  const kind = (fields.text('socket_type') ?? kinds[0]).toUpperCase()
  if (kinds.includes(kind)) return kind
  throw new FieldError('socket_type', `is "${kind}", expected one of ${kinds.join(', ')}`)
}

const EXCHANGE_TYPES = ['direct', 'fanout', 'topic', 'headers'] as const

function exchangeType(fields: Fields) {
  return oneOf(fields, 'exchangeType', EXCHANGE_TYPES)
}

function fromOf(fields: Fields) {
  return oneOf(fields, 'from', ['earliest', 'latest'] as const)
}

function oneOf<Value extends string>(
  fields: Fields,
  name: string,
  values: readonly Value[],
): Value | undefined {
  const value = fields.text(name)
  const known = values.find((each) => each === value)
  if (value === undefined || known !== undefined) return known
  throw new FieldError(name, `is "${value}", expected one of ${values.join(', ')}`)
}

/** A RabbitMQ stream: `true`, or where reading begins. */
function streamOf(fields: Fields): { offset?: 'first' | 'last' | 'next' | number } | undefined {
  const value = fields.get('stream')
  if (value === undefined || value === false) return undefined
  if (value === true) return {}
  if (value === 'first' || value === 'last' || value === 'next') return { offset: value }
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) {
    return { offset: value }
  }
  throw new FieldError(
    'stream',
    `is ${JSON.stringify(value)}, expected true, first, last, next or an offset`,
  )
}

/** The key is a field of the result: results that have the same there keep their order. */
function keyOf(fields: Fields): ((message: never) => string) | undefined {
  const field = fields.text('key')
  if (field === undefined) return undefined
  return (message: Readonly<Record<string, unknown>>) => String(message[field])
}

function listOf(fields: Fields, name: string): readonly string[] | undefined {
  const value = fields.get(name)
  const isList = Array.isArray(value) && value.every((item) => typeof item === 'string')
  if (value === undefined || isList) return value as string[] | undefined
  throw new FieldError(
    name,
    `is ${JSON.stringify(maskValue(name, value))}, expected a list of texts`,
  )
}

/** Without the fields that are not given. */
function given<T extends object>(fields: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(present) as { [Name in keyof T]?: Exclude<T[Name], undefined> }
}
