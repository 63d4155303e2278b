import { aborted, unlessAborted } from '../../../async/aborted.ts'
import { safeUrl } from '../../../safe-url.ts'
import { type Codec, codecOf } from '../../codecs/codec.ts'
import { LinkListener } from '../../parts/listener.ts'
import { LinkPublisher } from '../../parts/publisher.ts'
import { readMessage } from '../read-message.ts'
import { checkRedis, connectRedis } from './connection.ts'

interface RedisOptions {
  /** Default raw(). */
  readonly codec?: Codec
}

const IN_FLIGHT = 256

/** Messages of a channel. Redis keeps none: those sent while the connection is lost are lost, which is logged. */
export function subscribe(url: string, channel: string, options: RedisOptions = {}): LinkListener {
  checkRedis('subscribe', url, channel)
  const codec = codecOf(options.codec, `redis subscribe ${channel}`)
  return new LinkListener(`redis subscribe ${channel}`, async (inlet) => {
    const redis = await connectRedis(url, inlet, { autoResubscribe: true })
    redis.on('reconnecting', () => {
      inlet.log.warn(
        { redis: safeUrl(url), channel },
        'subscription lost, messages published until it is restored are lost',
      )
    })
    // The chain keeps their order while they wait. Meanwhile the socket is not read: what Redis then holds for us is bounded
    // there, and it ends a connection that is too far behind, which is logged as any loss.
    let line: Promise<void> | undefined
    redis.on('messageBuffer', (_channel: Buffer, bytes: Buffer) => {
      const received = readMessage(codec, bytes)
      const next = line === undefined ? inlet.put(received) : line.then(() => inlet.put(received))
      const waiting = next?.then(() => {
        if (line !== waiting) return
        line = undefined
        redis.stream?.resume()
      })
      line = waiting
      if (waiting !== undefined) redis.stream?.pause()
    })
    try {
      await unlessAborted(inlet.signal, redis.subscribe(channel))
      inlet.ready()
      await aborted(inlet.signal)
    } finally {
      redis.removeAllListeners('messageBuffer')
      // While it is paused it would not notice its end.
      redis.stream?.resume()
      redis.disconnect()
    }
  })
}

/** Results to a channel. */
export function publish(url: string, channel: string, options: RedisOptions = {}): LinkPublisher {
  checkRedis('publish', url, channel)
  const codec = codecOf(options.codec, `redis publish ${channel}`)
  return new LinkPublisher(`redis publish ${channel}`, async ({ log, signal }) => {
    const redis = await connectRedis(url, { log, signal })
    signal.addEventListener('abort', () => redis.disconnect(), { once: true })
    return {
      inFlight: IN_FLIGHT,
      publish: (message) => redis.publish(channel, bufferOf(codec.encode(message))),
      close: () => redis.disconnect(),
    }
  })
}

/** ioredis takes a Buffer for bytes, and any other array for a list of arguments. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
