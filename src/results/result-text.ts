import { compress, compressionFor, decompress } from '../codecs/compression/compression.ts'
import { inTurn } from '../codecs/in-turn.ts'
import { DEFAULT_LIMITS } from '../codecs/limits.ts'
import { type Serializer, serializerByName } from '../codecs/serializers.ts'
import { ProtocolError, ResultError } from '../errors.ts'
import { decodeResultMeta, encodeResultMeta } from '../protocol/results/result-meta.ts'
import type { TaskResult } from '../protocol/results/task-result.ts'
import { textOfError } from '../text-of-error.ts'
import { shownId, unreadableResult } from './failures.ts'
import { refuse } from './stored-value.ts'

interface ResultTextOptions {
  /** Celery's result_serializer. Default json. */
  readonly serializer?: string | undefined
  /** Celery's result_compression (since 5.7). */
  readonly compression?: string | null | undefined
  /** Celery's result_accept_content: nothing else is read. Default: what the serializer writes. */
  readonly accepted?: readonly string[] | null | undefined
  /** Keep name, arguments, worker, retries and queue too: Celery's result_extended. */
  readonly isExtended?: boolean | undefined
  /** Values that a result may hold: MESSAGE_LIMIT_NODES. */
  readonly maxNodes?: number | undefined
  /** The zone that times are written in. Default UTC. */
  readonly timezone?: string | undefined
}

/** Before a compressed text: this, its content type, and a NUL. Since Celery 5.7. */
const COMPRESSED_MARK = Buffer.from('\0celery-compressed\0')

/** Results as key/value backends keep them: one text each, that `result_serializer` and `result_compression` shape. */
export class ResultText {
  readonly #serializer: Serializer
  readonly #options: ResultTextOptions

  constructor(options: ResultTextOptions = {}) {
    this.#options = options
    this.#serializer = serializerByName(options.serializer ?? 'json')
  }

  /** At once: what is changed afterwards does not change what is kept. */
  encode(result: TaskResult): Buffer {
    try {
      const { timezone, maxNodes } = this.#options
      return this.#serializer.encode(encodeResultMeta(this.#kept(result), timezone), maxNodes)
    } catch (cause) {
      throw refuse(result.taskId, textOfError(cause), cause)
    }
  }

  encodeValue(value: unknown): Buffer {
    return this.#serializer.encode(value, this.#options.maxNodes)
  }

  async compress(text: Buffer): Promise<Buffer> {
    const { compression } = this.#options
    if (!compression) return text
    const { contentType } = compressionFor(compression)
    const body = await compress(text, compression)
    return Buffer.concat([COMPRESSED_MARK, Buffer.from(`${contentType}\0`), body])
  }

  /** What is kept for this task in `place`. */
  async decode(taskId: string, text: Buffer, place: string): Promise<TaskResult> {
    try {
      const result = decodeResultMeta(await this.decodeValue(text))
      if (result.taskId !== taskId) throw ofAnother(result.taskId)
      return result
    } catch (cause) {
      throw unreadableResult(taskId, cause, place)
    }
  }

  async decodeValue(text: Buffer): Promise<unknown> {
    this.#checkAccepted()
    const serializer = this.#serializer
    const body = compressedIn(text)
    if (body === undefined && text.length <= serializer.largestAtOnce)
      return serializer.decode(text)
    return await inTurn(DEFAULT_LIMITS, async (limits) => {
      const plain =
        body === undefined ? text : await decompress(body.bytes, body.contentType, limits)
      return plain.length <= serializer.largestAtOnce
        ? serializer.decode(plain, limits)
        : await serializer.decodeLarge(plain, { limits })
    })
  }

  #checkAccepted(): void {
    const { name, contentType } = this.#serializer
    const { accepted } = this.#options
    if (!accepted || accepted.includes(name) || accepted.includes(contentType)) return
    throw new ProtocolError(
      'CONTENT_DISALLOWED',
      `results are kept as ${name}, which result_accept_content (${accepted.join(', ')}) does not have`,
    )
  }

  #kept(result: TaskResult): TaskResult {
    if (this.#options.isExtended) return result
    const { name: _name, ...kept } = result
    return kept
  }
}

function ofAnother(taskId: string): ResultError {
  return new ResultError(
    'RESULT_UNREADABLE',
    `its task_id is "${shownId(taskId)}", expected the id that it is kept under`,
  )
}

interface Compressed {
  readonly contentType: string
  readonly bytes: Buffer
}

/** Undefined where the text is not compressed. */
function compressedIn(text: Buffer): Compressed | undefined {
  if (!text.subarray(0, COMPRESSED_MARK.length).equals(COMPRESSED_MARK)) return undefined
  const rest = text.subarray(COMPRESSED_MARK.length)
  const end = rest.indexOf(0)
  return { contentType: rest.subarray(0, end).toString('latin1'), bytes: rest.subarray(end + 1) }
}
