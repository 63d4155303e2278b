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
