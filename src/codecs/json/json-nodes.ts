import type { Divisible } from '../../async/slices.ts'
import { tooManyNodes } from '../limits.ts'

const BYTES_A_STEP = 64

/**
 * Counts the values of JSON before any of them is made, so that too many cost no memory. The bytes are UTF-8; whether
 * they are JSON at all is for the parser to say.
 */
export class JsonNodes implements Divisible<void> {
  readonly #bytes: Uint8Array
  readonly #maxNodes: number
  #at = 0
  #nodes = 1
  #isInText = false
  /** After an opening bracket: the first value in it, if there is one, follows no comma. */
  #isFirst = false

  constructor(bytes: Uint8Array, maxNodes: number) {
    this.#bytes = bytes
    this.#maxNodes = maxNodes
  }

  advance(steps: number): boolean {
    const end = Math.min(this.#bytes.length, this.#at + steps * BYTES_A_STEP)
    this.#countTo(end)
    if (this.#nodes > this.#maxNodes) throw tooManyNodes(this.#maxNodes, 'JSON')
    return this.#at >= this.#bytes.length
  }

  result(): void {
    // It throws, or all is well.
  }

  #countTo(end: number): void {
    while (this.#at < end) {
      if (this.#isInText) this.#passText(end)
      else this.#countOutside(end)
    }
  }

  #passText(end: number): void {
    const bytes = this.#bytes
    let at = this.#at
    while (at < end && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1
    this.#isInText = at >= end
    this.#at = at < end ? at + 1 : at
  }

  /** To the next text. The loop is over locals: it looks at each byte of large bodies. */
  #countOutside(end: number): void {
    const bytes = this.#bytes
    let [at, nodes, isFirst] = [this.#at, this.#nodes, this.#isFirst]
    let byte = SPACE
    for (; at < end && byte !== QUOTE; at += 1) {
      byte = bytes[at] ?? SPACE
      if (byte <= SPACE) continue
      if (byte === COMMA || (isFirst && byte !== CLOSE_LIST && byte !== CLOSE_DICT)) nodes += 1
      isFirst = byte === OPEN_LIST || byte === OPEN_DICT
    }
    this.#isInText = byte === QUOTE
    this.#at = at
    this.#nodes = nodes
    this.#isFirst = isFirst
  }
}

const SPACE = 0x20
const QUOTE = 0x22
const COMMA = 0x2c
const OPEN_LIST = 0x5b
const BACKSLASH = 0x5c
const CLOSE_LIST = 0x5d
const OPEN_DICT = 0x7b
const CLOSE_DICT = 0x7d
