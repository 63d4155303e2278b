import { collectYoung } from '../../collect-garbage.ts'

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

/** So many bytes are collected in pieces: most bodies are no longer. */
const PIECEWISE = 1024 * 1024
const ROOM_TO_GROW = 8
/** So many bytes of pieces that were copied may wait to be collected. */
const LEFT_BEHIND = 8 * 1024 * 1024

/**
 * Collects what comes out of a decompressor, and stops it with a RangeError when it is too much. A large body is written to one place
 * with much room: the system gives memory only for what is written, so hardly a byte is held twice.
 */
export class BoundedBytes {
  readonly #maxBytes: number
  #pieces: Uint8Array[] = []
  #place: Uint8Array = new Uint8Array(0)
  #length = 0
  #collectAt = LEFT_BEHIND

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  add(piece: Uint8Array): void {
    const start = this.#length
    this.#length += piece.length
    if (this.#length > this.#maxBytes) throw new RangeError(`more than ${this.#maxBytes} bytes`)
    if (this.#length <= PIECEWISE) {
      this.#pieces.push(piece)
      return
    }
    if (this.#length > this.#place.length) this.#move(start)
    this.#place.set(piece, start)
    if (this.#length >= this.#collectAt) this.#dropPieces()
  }

  finish(): Buffer {
    if (this.#length <= PIECEWISE) return Buffer.concat(this.#pieces, this.#length)
    return Buffer.from(this.#place.buffer, 0, this.#length)
  }

  /** V8 lets 64 MB of them lie before it looks, and the allocator keeps what they took. */
  #dropPieces(): void {
    this.#collectAt = this.#length + LEFT_BEHIND
    collectYoung()
  }

  /** To a larger place, with all that was written so far. */
  #move(written: number): void {
    const larger = new Uint8Array(Math.min(this.#maxBytes, ROOM_TO_GROW * this.#length))
    larger.set(this.#place.subarray(0, written))
    let at = 0
    for (const piece of this.#pieces) {
      larger.set(piece, at)
      at += piece.length
    }
    this.#pieces = []
    this.#place = larger
  }
}
