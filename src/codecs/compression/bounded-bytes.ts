import { tooLarge } from '../limits.ts'

/**
 * Frames of zstd, streams of bzip2, and blocks of both: no compressor makes so many of what a message may hold, and each takes
 * its time, even if it holds nothing.
 */
const MOST_PARTS = 10_000

/** Counts the parts of a compressed body, and stops at too many. */
export class PartCount {
  #parts = 0

  add(): void {
    this.#parts += 1
    if (this.#parts > MOST_PARTS) {
      throw tooLarge(`it is made of more than ${MOST_PARTS} frames, streams and blocks`)
    }
  }
}

/** Collects what comes out of a decompressor, and stops it with a RangeError when it is too much. */
export class BoundedBytes {
  readonly #maxBytes: number
  readonly #chunks: Uint8Array[] = []
  #length = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  add(chunk: Uint8Array): void {
    this.#length += chunk.length
    if (this.#length > this.#maxBytes) throw new RangeError(`more than ${this.#maxBytes} bytes`)
    this.#chunks.push(chunk)
  }

  finish(): Buffer {
    return Buffer.concat(this.#chunks, this.#length)
  }
}
