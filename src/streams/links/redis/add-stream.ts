import { type Codec, codecOf } from '../../codecs/codec.ts'
import { LinkPublisher } from '../../parts/publisher.ts'
import { checkRedis, connectRedis } from './connection.ts'
import { bufferOf } from './pub-sub.ts'

interface AddStreamOptions {
  /** Default raw(). */
  readonly codec?: Codec
  /** About how many messages the stream keeps; the oldest go. Default: all. */
  readonly maxLength?: number
}

const IN_FLIGHT = 256

/** Results to a stream: the field `data`, and the field `headers` (JSON) of a message that has headers. */
export function addStream(url: string, key: string, options: AddStreamOptions = {}): LinkPublisher {
  checkRedis('addStream', url, key)
  const codec = codecOf(options.codec, `redis addStream ${key}`)
  const trim = options.maxLength === undefined ? [] : ['MAXLEN', '~', options.maxLength]
  return new LinkPublisher(`redis stream ${key}`, async ({ log, signal }) => {
    const redis = await connectRedis(url, { log, signal })
    signal.addEventListener('abort', () => redis.disconnect(), { once: true })
    return {
      inFlight: IN_FLIGHT,
      publish: (message, { headers }) =>
        redis.call('XADD', [
          ...[key, ...trim, '*', 'data', bufferOf(codec.encode(message))],
          ...(Object.keys(headers).length === 0 ? [] : ['headers', JSON.stringify(headers)]),
        ]),
      close: () => redis.disconnect(),
    }
  })
}
