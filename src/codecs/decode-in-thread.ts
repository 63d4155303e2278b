import { pathToFileURL } from 'node:url'
import { Thread, type ThreadAnswer } from '../async/thread.ts'
import { ProtocolError } from '../errors.ts'
import { ownFile } from '../own-package.ts'
import { DECODE_MS, type MessageLimits, tooLarge } from './limits.ts'
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

const thread = new Thread({
  module: () => pathToFileURL(ownFile('src/codecs/decode-thread.ts')),
  jobMs: DECODE_MS,
  limits: { maxOldGenerationSizeMb: 512 },
})

export async function expandInThread(
  contentType: string,
  bytes: Buffer,
  maxBytes: number,
): Promise<Buffer> {
  const answer = await thread.run({
    kind: 'expand',
    contentType,
    bytes,
    maxBytes,
  } satisfies DecodeJob)
  const expanded = outcomeOf(answer) as Uint8Array // what a decompressor gives
  return Buffer.from(expanded.buffer, expanded.byteOffset, expanded.byteLength)
}

export async function decodeYamlInThread(text: string, limits: MessageLimits): Promise<unknown> {
  return fromThread(outcomeOf(await thread.run({ kind: 'yaml', text, limits } satisfies DecodeJob)))
}

function outcomeOf(answer: ThreadAnswer): unknown {
  if ('value' in answer) return answer.value
  const { name, code, message } = answer.failure
  if (code === 'MESSAGE_TOO_LARGE') throw tooLarge(message)
  if (code === 'MESSAGE_UNDECODABLE') throw new ProtocolError(code, message)
  throw name === 'RangeError' ? new RangeError(message) : new Error(message)
}
