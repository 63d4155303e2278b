import { isUtf8 } from 'node:buffer'

/**
 * Halves of surrogate pairs that stand alone: JavaScript makes them by cutting texts, Python by names that are not UTF-8
 * (`os.listdir`). UTF-8 has no form for them; Python's pickle writes them as three bytes each all the same
 * (`surrogatepass`).
 */
const HALF = /\p{Surrogate}/u

export function hasHalfSurrogate(text: string): boolean {
  return HALF.test(text)
}

export function encodeWithSurrogates(text: string): Buffer {
  const bytes = Buffer.allocUnsafe(3 * text.length)
  let end = 0
  let start = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code < 0xd800 || code > 0xdfff) continue
    if (code < 0xdc00 && isLowHalf(text.charCodeAt(at + 1))) {
      at += 1
      continue
    }
    if (start < at) end += bytes.write(text.slice(start, at), end)
    bytes[end] = LEAD
    bytes[end + 1] = 0x80 | ((code >> 6) & 0x3f)
    bytes[end + 2] = 0x80 | (code & 0x3f)
    end += 3
    start = at + 1
  }
  if (start < text.length) end += bytes.write(text.slice(start), end)
  return bytes.subarray(0, end)
}

function isLowHalf(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff
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
