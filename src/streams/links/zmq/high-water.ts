/** What ZeroMQ may hold for one socket, unless its user says how many messages. */
const MOST_BYTES = 8 * 1024 * 1024
const MOST_MESSAGES = 1_000
const LEAST_MESSAGES = 2
/** Before the first message has come. */
export const FIRST_MESSAGES = 64
/** So many smaller messages in a row let it hold more of them again. */
const WINDOW = 1_024

/**
 * ZeroMQ counts messages, not bytes: 1,000 frames of a megabyte are a gigabyte. This one follows the size of the largest
 * of the last messages, so that small ones are many and large ones few.
 */
export class HighWater {
  readonly #apply: (messages: number) => void
  readonly #isFixed: boolean
  #mark: number
  /** Messages up to this size fit the mark. */
  #fits: number
  #largest = 0
  #left = 1

  constructor(given: number | undefined, apply: (messages: number) => void) {
    this.#apply = apply
    this.#isFixed = given !== undefined
    this.#mark = given ?? FIRST_MESSAGES
    this.#fits = MOST_BYTES / this.#mark
  }

  get messages(): number {
    return this.#mark
  }

  /** Of each message that passes. */
  saw(bytes: number): void {
    if (this.#isFixed) return
    if (bytes > this.#largest) this.#largest = bytes
    if (bytes > this.#fits) this.#fit(bytes)
    this.#left -= 1
    if (this.#left > 0) return
    this.#fit(this.#largest)
    this.#largest = 0
    this.#left = WINDOW
  }

  #fit(bytes: number): void {
    const wanted = Math.floor(MOST_BYTES / Math.max(bytes, 1))
    const mark = Math.min(MOST_MESSAGES, Math.max(LEAST_MESSAGES, wanted))
    this.#fits = mark === LEAST_MESSAGES ? Number.POSITIVE_INFINITY : MOST_BYTES / mark
    if (mark === this.#mark) return
    this.#mark = mark
    this.#apply(mark)
  }
}

export function sizeOfFrames(frames: Uint8Array | readonly Uint8Array[]): number {
  if (frames instanceof Uint8Array) return frames.byteLength
  let bytes = 0
  for (const { byteLength } of frames) bytes += byteLength
  return bytes
}
