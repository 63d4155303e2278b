import { isUtf8 } from 'node:buffer'

/**
 * Halves of surrogate pairs that stand alone: JavaScript makes them by cutting texts, Python by names that are not UTF-8
 * (`os.listdir`). UTF-8 has no form for them; Python's pickle writes them as three bytes each all the same
 * (`surrogatepass`).
 */
const HALF = /\p{Surrogate}/u
const HALVES = /(\p{Surrogate}+)/u

export function hasHalfSurrogate(text: string): boolean {
  return HALF.test(text)
}

export function encodeWithSurrogates(text: string): Buffer {
  const parts = text.split(HALVES)
  return Buffer.concat(parts.map((part, at) => (at % 2 === 0 ? Buffer.from(part) : halves(part))))
}

/** Undefined where the bytes are not UTF-8, even with halves of surrogate pairs in it. */
export function decodeWithSurrogates(bytes: Buffer): string | undefined {
  let text = ''
  let start = 0
  for (let at = bytes.indexOf(LEAD); at !== -1; at = bytes.indexOf(LEAD, at + 1)) {
    const [second = 0, third = 0] = [bytes[at + 1], bytes[at + 2]]
    if (second < 0xa0 || second > 0xbf || third < 0x80 || third > 0xbf) continue
    const before = bytes.subarray(start, at)
    if (!isUtf8(before)) return undefined
    text +=
      before.toString() + String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f))
    start = at + 3
  }
  const rest = bytes.subarray(start)
  return isUtf8(rest) ? text + rest.toString() : undefined
}

const LEAD = 0xed

function halves(text: string): Buffer {
  const codes = Array.from({ length: text.length }, (_, at) => text.charCodeAt(at))
  return Buffer.from(
    codes.flatMap((code) => [LEAD, 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)]),
  )
}
