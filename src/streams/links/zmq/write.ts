import type { Pair, Publisher, Push } from 'zeromq'
import { safeUrl } from '../../../safe-url.ts'
import type { Codec, Multipart } from '../../codecs/codec.ts'
import {
  LinkPublisher,
  type OpenContext,
  type PublishContext,
  type Sink,
} from '../../parts/publisher.ts'
import { type Driver, loadZmq } from './driver.ts'
import { type ZmqWriteOptions, zmqCodec } from './options.ts'
import { attach, detach } from './socket.ts'

type WriteKind = 'PUB' | 'PUSH' | 'PAIR'

/** Twice what a PULL takes ahead: a sender that is woken up for every 16 frames costs an eighth more CPU time. */
const PUSH_HIGH_WATER = 64
const PUB_HIGH_WATER = 1_000
const LINGER_MS = 5_000

type WriteSocket = Publisher | Push | Pair

interface WriteParts {
  readonly kind: WriteKind
  readonly address: string
  readonly codec: Codec
  readonly options: ZmqWriteOptions
}

/** Results to a PUB, PUSH or PAIR socket. PUSH and PAIR wait for a peer; PUB drops what a slow subscriber cannot take. */
export function zmqPublisher(
  kind: WriteKind,
  address: string,
  options: ZmqWriteOptions = {},
): LinkPublisher {
  const codec = zmqCodec(kind, address, options)
  const parts = { kind, address, codec, options }
  return new LinkPublisher(`zmq ${kind} ${safeUrl(address)}`, (context) => open(parts, context))
}

async function open(parts: WriteParts, { signal, log }: OpenContext): Promise<Sink> {
  const driver = await loadZmq()
  const socket = await attach(driver, socketOf(driver, parts), { ...parts, log })
  const frame = framerOf(parts)
  // Nothing lingers after a stop by force: a send that waits for a peer ends with an error.
  const onAbort = (): void => {
    socket.linger = 0
    socket.close()
  }
  signal.addEventListener('abort', onAbort, { once: true })
  return {
    publish: (message, context) => socket.send(frame(message, context) as Buffer),
    close: async () => {
      signal.removeEventListener('abort', onAbort)
      await detach(socket, parts)
    },
  }
}

function socketOf(driver: Driver, { kind, options }: WriteParts): WriteSocket {
  const linger = options.lingerMs ?? LINGER_MS
  const sendHighWaterMark =
    options.highWaterMark ?? (kind === 'PUB' ? PUB_HIGH_WATER : PUSH_HIGH_WATER)
  if (kind === 'PUB') return new driver.Publisher({ linger, sendHighWaterMark })
  if (kind === 'PAIR') return new driver.Pair({ linger, sendHighWaterMark })
  // Without it, messages would go to a peer that has never answered, and be lost with it.
  const immediate = options.bind !== true
  return new driver.Push({ linger, sendHighWaterMark, immediate })
}

function framerOf({
  codec,
  options,
}: WriteParts): (message: unknown, context: PublishContext) => Uint8Array | Uint8Array[] {
  const { topic, headers } = options
  if (topic === undefined && headers !== true) {
    return (message) => (isMultipart(message) ? [...message.frames] : codec.encode(message))
  }
  return (message, context) => [
    ...(topic === undefined ? [] : [topicOf(topic, message)]),
    ...(headers === true ? [Buffer.from(JSON.stringify(context.headers))] : []),
    ...(isMultipart(message) ? message.frames : [codec.encode(message)]),
  ]
}

function topicOf(topic: string | ((message: never) => string), message: unknown): Buffer {
  return Buffer.from(typeof topic === 'string' ? topic : topic(message as never))
}

function isMultipart(message: unknown): message is Multipart {
  return (
    typeof message === 'object' &&
    message !== null &&
    'frames' in message &&
    Array.isArray(message.frames) &&
    message.frames.every((frame) => frame instanceof Uint8Array)
  )
}
