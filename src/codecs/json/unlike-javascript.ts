/**
 * What JSON.parse would read otherwise than Python: long integers, NaN, Infinity, -0, typed values. An
 * escaped ASCII letter may spell `__type__`, so it counts too; no encoder writes one unasked.
 */
export function isUnlikeJavaScript(text: string): boolean {
  return (
    text.includes('__type__') ||
    text.includes('NaN') ||
    text.includes('Infinity') ||
    (text.includes('\\u00') && ESCAPED_LETTER.test(text)) ||
    (text.includes('-0') && MINUS_ZERO.test(text)) ||
    LONG_NUMBER.test(text)
  )
}

const ESCAPED_LETTER = /\\u00[5-7]/
const MINUS_ZERO = /(?:^|[[,:\s])-0(?![.\d])/
const LONG_NUMBER = /\d{16}/
