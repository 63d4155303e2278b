/** The digits of a finite number, rounded as Python rounds: exactly, ties to even. */
interface Rounded {
  /** All digits, without sign, point or exponent. */
  readonly digits: string
  /** Power of ten of the first digit: 12.5 has 1. */
  readonly exponent: number
}

/** A finite number with this many digits behind the point, e.g. `0.50`; no sign. */
export function fixedDigits(value: number, places: number): string {
  const [numerator, denominator] = ratioOf(Math.abs(value))
  const scaled = roundedQuotient(numerator * 10n ** BigInt(places), denominator)
  const digits = String(scaled).padStart(places + 1, '0')
  if (places === 0) return digits
  return `${digits.slice(0, -places)}.${digits.slice(-places)}`
}

/** A finite number rounded to this many significant digits; zero is all zeros. */
export function significantDigits(value: number, count: number): Rounded {
  if (value === 0) return { digits: '0'.repeat(count), exponent: 0 }
  const [numerator, denominator] = ratioOf(Math.abs(value))
  const exponent = exponentOf(numerator, denominator, Math.abs(value))
  const digits = String(scaledBy(numerator, denominator, count - 1 - exponent))
  // Rounding 9.99 up gives one digit more.
  return digits.length > count
    ? { digits: digits.slice(0, count), exponent: exponent + 1 }
    : { digits, exponent }
}

function scaledBy(numerator: bigint, denominator: bigint, power: number): bigint {
  return power >= 0
    ? roundedQuotient(numerator * 10n ** BigInt(power), denominator)
    : roundedQuotient(numerator, denominator * 10n ** BigInt(-power))
}

function exponentOf(numerator: bigint, denominator: bigint, value: number): number {
  let exponent = Math.floor(Math.log10(value))
  // The logarithm may be off by one next to a power of ten.
  if (isBelow(numerator, denominator, exponent)) exponent -= 1
  else if (!isBelow(numerator, denominator, exponent + 1)) exponent += 1
  return exponent
}

function isBelow(numerator: bigint, denominator: bigint, power: number): boolean {
  return power >= 0
    ? numerator < denominator * 10n ** BigInt(power)
    : numerator * 10n ** BigInt(-power) < denominator
}

/** A double is a whole number times a power of two. */
function ratioOf(value: number): [bigint, bigint] {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const bits = view.getBigUint64(0)
  const biased = Number((bits >> 52n) & 0x7ffn)
  const fraction = bits & 0xfffffffffffffn
  const mantissa = biased === 0 ? fraction : fraction | 0x10000000000000n
  const power = Math.max(biased, 1) - 1075
  return power >= 0 ? [mantissa << BigInt(power), 1n] : [mantissa, 1n << BigInt(-power)]
}

function roundedQuotient(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator
  const twice = (numerator % denominator) * 2n
  const isUp = twice > denominator || (twice === denominator && quotient % 2n === 1n)
  return isUp ? quotient + 1n : quotient
}
