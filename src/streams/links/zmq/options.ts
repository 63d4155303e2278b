import { ConfigurationError } from '../../../errors.ts'
import { safeUrl } from '../../../safe-url.ts'
import { type Codec, codecOf } from '../../codecs/codec.ts'

/** Keys of CURVE, in Z85 (40 characters) as `curveKeyPair()` and pyzmq give them. */
interface CurveKeys {
  /** Of this side. A server needs no more, but for `allow`. */
  readonly secretKey: string
  readonly publicKey?: string
  /** Of the other side: given, this side is a client. */
  readonly serverKey?: string
  /** Public keys of the clients that a server lets in. Without it, all that know the server's key. */
  readonly allow?: readonly string[]
}

export interface ZmqOptions {
  /** Default raw(). */
  readonly codec?: Codec
  /** Whether this side binds the address. Default false: it connects. */
  readonly bind?: boolean
  readonly curve?: CurveKeys
  /** Messages that ZeroMQ itself holds for this side, besides the queues of the block. */
  readonly highWaterMark?: number
  /** Whether a frame of headers (JSON) travels before the body; both sides need it. Default false. */
  readonly headers?: boolean
}

export interface ZmqReadOptions extends ZmqOptions {
  /** SUB: what messages begin with; of messages `[topic, body]` the body is decoded. Default all messages. */
  readonly topic?: string | readonly string[]
}

export interface ZmqWriteOptions extends ZmqOptions {
  /** Sends `[topic, body]`. */
  readonly topic?: string | ((message: never) => string)
  /** How long what was handed to ZeroMQ may take to leave after a stop. Default 5000. */
  readonly lingerMs?: number
}

const ADDRESS = /^(?:tcp|ipc|inproc|udp):\/\/./

export function zmqCodec(kind: string, address: string, options: ZmqOptions): Codec {
  const shown = typeof address === 'string' ? safeUrl(address) : address
  const place = `zmq ${kind} ${shown}`
  if (typeof address !== 'string' || !ADDRESS.test(address)) {
    throw new ConfigurationError(
      `zmq ${kind}: the address is ${JSON.stringify(shown)}, expected tcp://host:port, ipc://path or inproc://name`,
      { option: 'address' },
    )
  }
  for (const [name, key] of Object.entries(options.curve ?? {})) {
    for (const each of [key].flat()) {
      // The key itself is a secret: it does not go into the message.
      if (typeof each === 'string' && each.length === 40) continue
      throw new ConfigurationError(`${place}: curve.${name} must be a Z85 key of 40 characters`, {
        option: 'curve',
      })
    }
  }
  return codecOf(options.codec, place)
}
