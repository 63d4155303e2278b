import { pathToFileURL } from 'node:url'
import { Thread, type ThreadAnswer, type ThreadLost } from '../async/thread.ts'
import { ProtocolError } from '../errors.ts'
import { ownFile } from '../own-package.ts'
import { QUICK_MS } from './in-turn.ts'
import { DECODE_MS, type MessageLimits, TooSlow, tooLarge } from './limits.ts'
import { fromThread } from './thread-values.ts'

/** What is written in JavaScript and cannot be divided: expanding bzip2, xz and zstd, and reading YAML. */
export type DecodeJob =
  | {
      readonly kind: 'expand'
      readonly contentType: string
      readonly bytes: Uint8Array
      readonly maxBytes: number
    }
  | { readonly kind: 'yaml'; readonly text: string; readonly limits: MessageLimits }

/** What YAML of the most tokens takes; what is expanded is not in a thread's heap. */
const MOST_MB = 160
/** A thread keeps what it has taken for such jobs: the next one gets a new thread. */
const LARGE_JOB = 8 * 1024 * 1024

/** Jobs that take long have a thread of their own: the others never wait for one. */
const quick = threadFor(QUICK_MS)
const slow = threadFor(DECODE_MS)

export async function expandInThread(
  contentType: string,
  bytes: Buffer,
  limits: Pick<MessageLimits, 'maxBytes' | 'withinMs'>,
): Promise<Buffer> {
  const { maxBytes } = limits
  const makeJob = (): Made => {
    const copy = new Uint8Array(bytes)
    return { job: { kind: 'expand', contentType, bytes: copy, maxBytes }, own: [copy.buffer] }
  }
  const wasLarge = (answer: ThreadAnswer): boolean =>
    bytes.length > LARGE_JOB || hasExpandedMuch(answer)
  const expanded = (await outcomeOf(makeJob, { ...limits, wasLarge })) as Uint8Array // what a decompressor gives
  return Buffer.from(expanded.buffer, expanded.byteOffset, expanded.byteLength)
}

function hasExpandedMuch(answer: ThreadAnswer): boolean {
  if ('failure' in answer) return answer.failure.name === 'RangeError'
  return answer.value instanceof Uint8Array && answer.value.length > LARGE_JOB
}

export async function decodeYamlInThread(text: string, limits: MessageLimits): Promise<unknown> {
  const makeJob = (): Made => ({ job: { kind: 'yaml', text, limits } })
  return fromThread(await outcomeOf(makeJob, { ...limits, wasLarge: () => true }))
}

interface Made {
  readonly job: DecodeJob
  readonly own?: ArrayBuffer[]
}

interface OutcomeOptions extends Pick<MessageLimits, 'withinMs'> {
  readonly wasLarge: (answer: ThreadAnswer) => boolean
}

function threadFor(jobMs: number): Thread {
  return new Thread({
    module: () => pathToFileURL(ownFile('src/codecs/decode-thread.ts')),
    jobMs,
    limits: { maxOldGenerationSizeMb: MOST_MB, maxYoungGenerationSizeMb: 16 },
  })
}

async function outcomeOf(
  makeJob: () => Made,
  { withinMs = DECODE_MS, wasLarge }: OutcomeOptions,
): Promise<unknown> {
  const thread = withinMs > QUICK_MS ? slow : quick
  const answer = await thread.run(makeJob)
  if (wasLarge(answer)) await thread.renew()
  if ('value' in answer) return answer.value
  const { name, code, message } = answer.failure
  if (code === 'MESSAGE_TOO_LARGE') throw tooLarge(message)
  if (code === 'MESSAGE_UNDECODABLE') throw new ProtocolError(code, message)
  throw name === 'RangeError' ? new RangeError(message) : new Error(message)
}

/** The error of a body whose thread ended before its time: it took too long, or too much memory. */
export function lostInThread(place: string, lost: ThreadLost): ProtocolError {
  const problem = `${place}${lost.message}`
  if (lost.reason === 'time') return new TooSlow(problem, { cause: lost })
  return tooLarge(problem, lost)
}
