export const QUOTE = 0x22
const BACKSLASH = 0x5c
// With bit 0x20 set, [ and { are one code, and so are ] and }.
export const OPEN = 0x7b
export const CLOSE = 0x7d

/** So long a part is read in a fraction of a millisecond. */
export const LONGEST_PART = 2048

/** Where the list or object that opens here ends; -1 where it is long, or nests deeper than this. */
export function endOfSmallPart(text: string, start: number, maxDepth: number): number {
  const most = Math.min(text.length, start + LONGEST_PART)
  let depth = 0
  for (let at = start; at < most; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = endOfText(text, at + 1, most)
    else if ((code | 0x20) === OPEN) depth += 1
    else if ((code | 0x20) === CLOSE) depth -= 1
    else continue
    if (depth > maxDepth) return -1
    if (depth === 0) return at + 1
  }
  return -1
}

/** Where the text that begins here has its closing quote. */
export function endOfText(text: string, start: number, most: number): number {
  let at = start
  for (let code = text.charCodeAt(at); at < most && code !== QUOTE; code = text.charCodeAt(at)) {
    at += code === BACKSLASH ? 2 : 1
  }
  return at
}
