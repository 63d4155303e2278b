const NUL = '\u0000'
const REPLACEMENT = '\uFFFD'
const SURROGATE = /[\ud800-\udfff]/

/** What an id may have, as a btree of PostgreSQL takes 2,704 bytes of a key. */
export const LONGEST_ID = 1024
export const LONGEST_ID_BYTES = 2600

/** Whether it is found by an index, as every id must be. */
export function fitsIndex(id: string): boolean {
  const { length } = id
  return (
    length <= LONGEST_ID && (length <= LONGEST_ID / 2 || Buffer.byteLength(id) <= LONGEST_ID_BYTES)
  )
}

/** Text as PostgreSQL can hold it: it has no NUL and no lone surrogate, so U+FFFD stands for them. */
export function storableText(text: string): string {
  const whole = text.includes(NUL) ? text.replaceAll(NUL, REPLACEMENT) : text
  // UTF-8 has no lone surrogates either: on the way there and back each becomes U+FFFD.
  return SURROGATE.test(whole) ? Buffer.from(whole, 'utf8').toString('utf8') : whole
}

/** The same for text that may be missing; empty text says as little. */
export function storableOrNull(text: string | null): string | null {
  return text === null || text === '' ? null : storableText(text)
}
