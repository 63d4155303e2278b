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
  amqp: (fields, app) =>
    amqp.consume(appOf(fields, app), fields.required('queue'), {
      codec: fields.codec(),
      ...given({
        exchange: fields.text('exchange'),
        routingKey: fields.text('routing_key', 'routingKey'),
        prefetch: fields.number('prefetch'),
      }),
    }),
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
  kafka: (fields) =>
    kafka.consume(fields.required('brokers', 'broker'), fields.required('topic'), {
      codec: fields.codec(),
      ...given({ group: fields.text('group') }),
    }),
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
      exchange === undefined ? fields.required('queue') : { exchange, ...given({ routingKey }) }
    return amqp.publish(appOf(fields, app), target, { codec: fields.codec() })
  },
  kafka: (fields) =>
    kafka.publish(fields.required('brokers', 'broker'), fields.required('topic'), {
      codec: fields.codec(),
    }),
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
  if (kind === 'SUB') return zmq.subscribe(address, options)
  return kind === 'PULL' ? zmq.pull(address, options) : zmq.pairIn(address, options)
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
  if (kind === 'PUB') return zmq.publish(address, options)
  return kind === 'PUSH' ? zmq.push(address, options) : zmq.pairOut(address, options)
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

function redisListener(fields: Fields): ListenerLike {
  const url = redisUrl(fields)
  const stream = fields.text('stream', 'key')
  if (stream === undefined) {
    return redis.subscribe(url, fields.required('channel'), { codec: fields.codec() })
  }
  return redis.readStream(url, stream, {
    codec: fields.codec(),
    ...given({ group: fields.text('group'), consumer: fields.text('consumer') }),
  })
}

function redisPublisher(fields: Fields): PublisherLike {
  const url = redisUrl(fields)
  const stream = fields.text('stream', 'key')
  if (stream !== undefined) return redis.addStream(url, stream, { codec: fields.codec() })
  return redis.publish(url, fields.required('channel'), { codec: fields.codec() })
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

function listOf(fields: Fields, name: string): readonly string[] | undefined {
  const value = fields.get(name)
  const isList = Array.isArray(value) && value.every((item) => typeof item === 'string')
  if (value === undefined || isList) return value as string[] | undefined
  throw new FieldError(name, `is ${JSON.stringify(value)}, expected a list of texts`)
}

/** Without the fields that are not given. */
function given<T extends object>(fields: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(present) as { [Name in keyof T]?: Exclude<T[Name], undefined> }
}
