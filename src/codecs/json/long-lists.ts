import { CLOSE, endOfText, OPEN, QUOTE } from './small-parts.ts'

const COMMA = 0x2c

/** From so many items on a list gets its room at once: one that grows leaves larger and larger ones behind it. */
export const LONG_LIST = 16_384

/** How often each part of a text may be looked through for this: as often as so many long lists hold each other. */
const MOST_LOOKS = 8

/** Gives lists of many items the room they need. */
export class LongLists {
  readonly #text: string
  #left: number

  constructor(text: string) {
    this.#text = text
    this.#left = MOST_LOOKS * text.length
  }

  /** The list, whose last item ends here, with room for all others; as it is where lists hold lists without end. */
  withRoom(items: readonly unknown[], at: number): unknown[] {
    const roomy = unboxed(items)
    if (this.#left > 0) roomy.length += this.#itemsAfter(at)
    return roomy
  }

  /** The commas up to the end of the list. */
  #itemsAfter(start: number): number {
    const text = this.#text
    let [depth, commas, at] = [0, 0, start]
    for (; depth >= 0 && at < text.length; at += 1) {
      const code = text.charCodeAt(at)
      if (code === QUOTE) at = endOfText(text, at + 1, text.length)
      else if (code === COMMA && depth === 0) commas += 1
      else depth += levelsOf(code)
    }
    this.#left -= at - start
    return commas
  }
}

function levelsOf(code: number): number {
  if ((code | 0x20) === OPEN) return 1
  return (code | 0x20) === CLOSE ? -1 : 0
}

/**
 * V8 takes 8 bytes for a number in a list that was made of numbers, and 24 where lists of other things were made at the same
 * place of a program before.
 */
function unboxed(items: readonly unknown[]): unknown[] {
  return Array.of(...items)
}
