import type { Pair, Pull, Subscriber } from 'zeromq'
import { startTimer } from '../../../async/timer.ts'
import { safeUrl } from '../../../safe-url.ts'
import type { Codec } from '../../codecs/codec.ts'
import { type Inlet, LinkListener } from '../../parts/listener.ts'
import { Received } from '../../parts/received.ts'
import { readMessage } from '../read-message.ts'
import { type Driver, loadZmq } from './driver.ts'
import { frameMemory } from './frame-memory.ts'
import { type ZmqReadOptions, zmqCodec } from './options.ts'
import { attach, detach } from './socket.ts'

type ReadKind = 'SUB' | 'PULL' | 'PAIR'

/**
 * What ZeroMQ takes ahead: the sender feels it when the block is full, and large frames stay with it. It must not change
 * while a socket is open: ZeroMQ wakes up a sender that waits by the mark it began with, or never.
 */
const HIGH_WATER = 32

/** Closing a socket loses the messages on their way to it: before, they are read until none has come for QUIET_MS, for DRAIN_MS at most. */
const QUIET_MS = 100
const DRAIN_MS = 1_000
/** The same limit, with the time spent waiting for room in the block. */
const DRAIN_SLOWLY_MS = 4_000

type ReadSocket = Subscriber | Pull | Pair

/** Messages of a SUB, PULL or PAIR socket. */
export function zmqListener(
  kind: ReadKind,
  address: string,
  options: ZmqReadOptions = {},
): LinkListener {
  const codec = zmqCodec(kind, address, options)
  const parts = { kind, address, codec, options }
  return new LinkListener(`zmq ${kind} ${safeUrl(address)}`, (inlet) => receive(inlet, parts))
}

interface ReadParts {
  readonly kind: ReadKind
  readonly address: string
  readonly codec: Codec
  readonly options: ZmqReadOptions
}

async function receive(inlet: Inlet, parts: ReadParts): Promise<void> {
  const driver = await loadZmq()
  const socket = await attach(driver, socketOf(driver, parts), { ...parts, log: inlet.log })
  const read = readerOf(parts)
  let isWaiting = false
  // Closing the socket ends a receive that waits, once nothing is on its way to it any more.
  const onAbort = (): void => {
    const endWait = (): void => {
      if (isWaiting) void detach(socket, parts)
    }
    if (parts.kind === 'SUB') endWait()
    else startTimer(QUIET_MS, endWait)
  }
  inlet.signal.addEventListener('abort', onAbort, { once: true })
  inlet.ready()
  try {
    while (!inlet.signal.aborted) {
      isWaiting = true
      const frames = (await socket.receive()) as Buffer[]
      isWaiting = false
      const isTimeToFree = frameMemory.take(frames)
      const waiting = inlet.put(read(frames))
      if (waiting !== undefined) await waiting
      if (isTimeToFree) await frameMemory.free()
    }
    if (parts.kind !== 'SUB') await drain(socket, inlet, read)
  } catch (error) {
    if (!inlet.signal.aborted) throw error
  } finally {
    inlet.signal.removeEventListener('abort', onAbort)
    await detach(socket, parts)
  }
}

/** Reads the messages that peers had sent before the stop; a peer that keeps sending delays it by the limits above at most. */
async function drain(
  socket: ReadSocket,
  inlet: Inlet,
  read: (frames: Buffer[]) => Received,
): Promise<void> {
  if (socket.closed) return
  socket.receiveTimeout = QUIET_MS
  const startedAt = performance.now()
  let waitedMs = 0
  for (;;) {
    const passedMs = performance.now() - startedAt
    if (passedMs - waitedMs > DRAIN_MS || passedMs > DRAIN_SLOWLY_MS) return
    try {
      const waiting = inlet.put(read((await socket.receive()) as Buffer[]))
      const waitsSince = performance.now()
      await waiting
      waitedMs += performance.now() - waitsSince
    } catch {
      // Nothing has come for a while (EAGAIN), or the socket was closed.
      return
    }
  }
}

function socketOf(driver: Driver, { kind, options }: ReadParts): ReadSocket {
  const linger = 0
  const receiveHighWaterMark = options.highWaterMark ?? HIGH_WATER
  if (kind === 'SUB') {
    const socket = new driver.Subscriber({ linger, receiveHighWaterMark })
    socket.subscribe(...[options.topic ?? ''].flat())
    return socket
  }
  return kind === 'PULL'
    ? new driver.Pull({ linger, receiveHighWaterMark })
    : new driver.Pair({ linger, receiveHighWaterMark })
}

/** Frames as a message: `[topic, body]` where there are topics, `[…, headers, body]` where there are headers. */
function readerOf({ codec, options }: ReadParts): (frames: Buffer[]) => Received {
  const hasTopics = options.topic !== undefined && options.topic !== ''
  return (frames) => {
    const [only] = frames
    if (frames.length === 1 && only !== undefined && options.headers !== true) {
      return readMessage(codec, only)
    }
    const topic = hasTopics && frames.length > 1 ? frames.shift()?.toString('utf8') : undefined
    if (options.headers === true) return withHeaders(codec, frames, topic)
    return ofFrames(codec, frames, topic)
  }
}

function withHeaders(codec: Codec, frames: Buffer[], topic: string | undefined): Received {
  const [first, ...rest] = frames
  const headers = rest.length === 0 ? undefined : headersOf(first)
  if (headers === undefined) {
    const unreadable = new Error('expected a frame of headers (a JSON map) before the body')
    return new Received({ value: undefined, bytes: Buffer.concat(frames), unreadable, topic })
  }
  return ofFrames(codec, rest, topic, headers)
}

function ofFrames(
  codec: Codec,
  frames: Buffer[],
  topic: string | undefined,
  headers?: Record<string, unknown>,
): Received {
  const [body] = frames
  if (frames.length === 1 && body !== undefined) return readMessage(codec, body, { topic, headers })
  const bytes = Buffer.concat(frames)
  if (codec.takesFrames === true) return new Received({ value: { frames }, bytes, topic, headers })
  const unreadable = new Error(
    `${codec.name ?? 'the codec'} reads one frame, found ${frames.length}; ` +
      'give the listener a topic where the first frame is one, or raw()',
  )
  return new Received({ value: undefined, bytes, unreadable, topic, headers })
}

function headersOf(frame: Buffer | undefined): Record<string, unknown> | undefined {
  try {
    const headers: unknown = JSON.parse(frame?.toString('utf8') ?? '')
    const isMap = typeof headers === 'object' && headers !== null && !Array.isArray(headers)
    return isMap ? (headers as Record<string, unknown>) : undefined
  } catch {
    // No JSON: the caller says what was expected.
    return undefined
  }
}
