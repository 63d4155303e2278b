import { DEFAULT_LIMITS } from './limits.ts'

/** Thrown where a value holds more values than a body may; the encoder then says what it was. */
export const TOO_MANY = new Error('a value holds too many values')

/**
 * Counts the values that an encoder writes, as those of a body are counted that is read: a value that holds another twice is
 * written twice, and a few of them that do so hold more than any machine can write.
 */
export class EncodeNodes {
  #left: number

  constructor(maxNodes = DEFAULT_LIMITS.maxNodes) {
    this.#left = maxNodes
  }

  /** Before they are looked at: a sparse list may say that it holds four thousand million. */
  take(count: number): void {
    this.#left -= count
    if (this.#left < 0) throw TOO_MANY
  }
}
