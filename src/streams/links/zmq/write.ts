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
/** Of a PUSH that connects, until so many frames in a row were small: more large ones could not be freed as frame-memory.ts does. */
const PUSH_FIRST_HIGH_WATER = 4
const SMALL_FRAMES = 256
const SMALL_BYTES = 16_384
const PUB_HIGH_WATER = 1_000
const LINGER_MS = 5_000

type WriteSocket = Publisher | Push | Pair
type Frames = Uint8Array | Uint8Array[]

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
  const send = holdsFew(parts) ? widening(socket) : (frames: Frames) => socket.send(asSent(frames))
  // Nothing lingers after a stop by force: a send that waits for a peer ends with an error.
  const onAbort = (): void => {
    socket.linger = 0
    socket.close()
  }
  signal.addEventListener('abort', onAbort, { once: true })
  return {
    publish: (message, context) => send(frame(message, context)),
    close: async () => {
      signal.removeEventListener('abort', onAbort)
      await detach(socket, parts)
    },
  }
}

function socketOf(driver: Driver, parts: WriteParts): WriteSocket {
  const { kind, options } = parts
  const linger = options.lingerMs ?? LINGER_MS
  const sendHighWaterMark = options.highWaterMark ?? highWaterOf(parts)
  if (kind === 'PUB') return new driver.Publisher({ linger, sendHighWaterMark })
  if (kind === 'PAIR') return new driver.Pair({ linger, sendHighWaterMark })
  // Without it, messages would go to a peer that has never answered, and be lost with it.
  const immediate = options.bind !== true
  return new driver.Push({ linger, sendHighWaterMark, immediate })
}

function highWaterOf(parts: WriteParts): number {
  if (parts.kind === 'PUB') return PUB_HIGH_WATER
  return holdsFew(parts) ? PUSH_FIRST_HIGH_WATER : PUSH_HIGH_WATER
}

/** With several peers, as a socket that binds may have, the mark must not change: one that waits by the old mark would wait for ever. */
function holdsFew({ kind, options }: WriteParts): boolean {
  return kind === 'PUSH' && options.bind !== true && options.highWaterMark === undefined
}

/** Sends frames to one peer, and lets it have more of them ahead where they are small. */
function widening(socket: WriteSocket): (frames: Frames) => Promise<void> {
  let small = 0
  return (frames) => {
    small = bytesOf(frames) < SMALL_BYTES ? small + 1 : 0
    const sent = socket.send(asSent(frames))
    if (small < SMALL_FRAMES) return sent
    // Again after each of so many: a connection that is made anew begins with the first mark.
    small = 0
    // Once a frame was taken: by the new mark the peer would not wake up a sender that waits by the old one.
    return sent.then(() => {
      if (!socket.closed) socket.sendHighWaterMark = PUSH_HIGH_WATER
    })
  }
}

function bytesOf(frames: Frames): number {
  if (!Array.isArray(frames)) return frames.byteLength
  return frames.reduce((sum, { byteLength }) => sum + byteLength, 0)
}

/** ZeroMQ's types know Buffers alone; it sends any bytes. */
function asSent(frames: Frames): Buffer {
  return frames as Buffer
}

function framerOf({
  codec,
  options,
}: WriteParts): (message: unknown, context: PublishContext) => Frames {
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
