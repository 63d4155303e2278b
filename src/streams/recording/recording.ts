import { createReadStream, createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { sleep } from '../../async/sleep.ts'
import { StreamError } from '../../errors.ts'
import { LinkListener } from '../parts/listener.ts'
import { type Operator, operator } from '../parts/operator.ts'
import { Outgoing } from '../parts/outgoing.ts'
import { LinkPublisher } from '../parts/publisher.ts'
import { type MessageHeaders, Received } from '../parts/received.ts'

/** One message of a recording: a line of JSON. */
interface Line {
  /** Milliseconds since the first message. */
  readonly at: number
  readonly headers?: MessageHeaders
  /** Base64. */
  readonly bytes?: string
  readonly frames?: readonly string[]
}

/** Between a link that is read as raw() and `recordTo`: nothing but the message itself. */
export function tap(): Operator {
  return operator((message: unknown, { headers }) => new Outgoing(message, { headers }))
}

/** Writes raw messages into a file, with their times. */
export function recordTo(file: string): LinkPublisher {
  return new LinkPublisher(`record ${file}`, () => {
    const output = createWriteStream(file)
    let failure: Error | undefined
    output.on('error', (error) => {
      failure = error // thrown by the write that fails, and by close
    })
    let startedAt: number | undefined
    return {
      publish: (message, { headers }) => {
        const now = performance.now()
        startedAt ??= now
        const line = lineOf(message, now - startedAt, headers)
        return new Promise<void>((resolve, reject) => {
          output.write(`${JSON.stringify(line)}\n`, (error) =>
            error ? reject(failure ?? error) : resolve(),
          )
        })
      },
      close: () =>
        new Promise<void>((resolve, reject) => {
          output.end((error?: Error | null) => (error ? reject(failure ?? error) : resolve()))
        }),
    }
  })
}

/** Gives recorded messages in their time: `speed` times as fast, or all at once with 0. */
export function playFrom(
  file: string,
  { speed = 1 }: { readonly speed?: number } = {},
): LinkListener {
  return new LinkListener(`play ${file}`, async (inlet) => {
    const input = createReadStream(file)
    inlet.defer(() => input.destroy())
    const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
    const startedAt = performance.now()
    let number = 0
    inlet.ready()
    for await (const text of lines) {
      number += 1
      if (text.trim() === '') continue
      const line = read(text, file, number)
      if (speed > 0) await until(startedAt + line.at / speed, inlet.signal)
      if (inlet.signal.aborted) return
      await inlet.put(messageOf(line))
    }
  })
}

function lineOf(message: unknown, at: number, headers: MessageHeaders): Line {
  return {
    at: Math.round(at * 1_000) / 1_000,
    ...(Object.keys(headers).length > 0 && { headers }),
    ...bodyOf(message),
  }
}

function bodyOf(message: unknown): Pick<Line, 'bytes' | 'frames'> {
  if (message instanceof Uint8Array) return { bytes: Buffer.from(message).toString('base64') }
  const { frames } = message as { readonly frames: readonly Uint8Array[] } // raw() gives nothing else
  return { frames: frames.map((frame) => Buffer.from(frame).toString('base64')) }
}

function read(text: string, file: string, number: number): Line {
  const line = parsed(text)
  if (line !== undefined) return line
  throw new StreamError(
    'STREAM_MESSAGE_UNREADABLE',
    `${file}:${number}: expected a line of a recording, { "at": milliseconds, "bytes": base64 }`,
  )
}

function parsed(text: string): Line | undefined {
  try {
    const line: unknown = JSON.parse(text)
    const isLine =
      typeof line === 'object' &&
      line !== null &&
      'at' in line &&
      typeof line.at === 'number' &&
      (('bytes' in line && typeof line.bytes === 'string') ||
        ('frames' in line && Array.isArray(line.frames)))
    return isLine ? (line as Line) : undefined
  } catch {
    // The caller names file and line.
    return undefined
  }
}

function messageOf({ bytes, frames, headers }: Line): Received {
  if (bytes !== undefined) return new Received({ value: Buffer.from(bytes, 'base64'), headers })
  const parts = (frames ?? []).map((frame) => Buffer.from(frame, 'base64'))
  return new Received({ value: { frames: parts }, headers })
}

async function until(at: number, signal: AbortSignal): Promise<void> {
  const ms = at - performance.now()
  if (ms > 0) await sleep(ms, signal).catch(() => undefined) // the caller asks the signal
}
