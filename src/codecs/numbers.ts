/** A float as Python's `repr` writes it: `1.0`, `1e+16`, `1e-07`, `nan`, `-inf`. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  const size = Math.abs(value)
  if (size === Number.POSITIVE_INFINITY) return value < 0 ? '-inf' : 'inf'
  if (size === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  if (size >= 1e16 || size < 1e-4) return exponentText(value)
  const text = String(value)
  return Number.isInteger(value) ? `${text}.0` : text
}

/** Whether Python would hold this number as an int. Beyond 2^53 a JavaScript number has lost digits: a float. */
export function isWholeNumber(value: number): boolean {
  return Number.isSafeInteger(value) && !Object.is(value, -0)
}

/** A whole number of any size: a number where that is exact, else a bigint. */
export function exactInteger(value: bigint): number | bigint {
  return value >= MIN_SAFE && value <= MAX_SAFE ? Number(value) : value
}

const MIN_SAFE = BigInt(Number.MIN_SAFE_INTEGER)
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER)

// JavaScript writes 1e-7, Python 1e-07.
function exponentText(value: number): string {
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
}
