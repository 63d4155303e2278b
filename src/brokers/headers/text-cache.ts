/** A power of 2. */
const SLOTS = 256

/**
 * Texts by their bytes. Headers of one message are named as those of the next, and many say the same; to find a short text
 * here takes a fraction of what making it takes, and all messages share it.
 */
export class TextCache {
  readonly #texts: string[] = Array.from({ length: SLOTS }, () => '')

  /** The bytes from `start` to before `end`, read as UTF-8. */
  textOf(bytes: Buffer, start: number, end: number): string {
    const slot = slotOf(bytes, start, end)
    const known = this.#texts[slot] ?? ''
    if (isTextOf(known, bytes, start, end)) return known
    const text = utf8(bytes, start, end)
    if (isOneByteEach(text, end - start)) this.#texts[slot] = text
    return text
  }
}

/** UTF-8 is what Buffer reads by default, and quicker than by its name. */
export function utf8(bytes: Buffer, start: number, end: number): string {
  return bytes.toString(undefined, start, end)
}

function slotOf(bytes: Buffer, start: number, end: number): number {
  let sum = 0
  for (let at = start; at < end; at += 1) sum = (sum * 31 + (bytes[at] ?? 0)) | 0
  return sum & (SLOTS - 1)
}

/** ASCII, or U+FFFD in place of a byte, which no byte is equal to. Any other text has fewer units than bytes. */
function isOneByteEach(text: string, bytes: number): boolean {
  return text.length === bytes
}

function isTextOf(text: string, bytes: Buffer, start: number, end: number): boolean {
  if (text.length !== end - start) return false
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) !== bytes[start + index]) return false
  }
  return true
}
