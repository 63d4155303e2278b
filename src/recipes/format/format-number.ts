import { floatText } from '../../codecs/numbers.ts'
import { fixedDigits, significantDigits } from './decimal-digits.ts'
import { FormatError } from './format-error.ts'
import { type FormatSpec, lengthOf, padded } from './format-spec.ts'

const INTEGER_TYPES = 'bcdoxXn'
const FLOAT_TYPES = 'eEfFgGn%'
const RADIX: Readonly<Record<string, number>> = { b: 2, o: 8, x: 16, X: 16 }

/** An int of Python in the form asked for. */
export function formatInteger(value: bigint, spec: FormatSpec): string {
  const type = spec.type === '' ? 'd' : spec.type
  if (FLOAT_TYPES.includes(type) && type !== 'n') return formatFloat(Number(value), spec)
  if (!INTEGER_TYPES.includes(type)) throw unknownType(type, 'int')
  checkInteger(spec, type)
  if (type === 'c') return padded('', characterOf(value), spec, '>')
  const magnitude = value < 0n ? -value : value
  const digits = magnitude.toString(RADIX[type] ?? 10)
  const body = type === 'X' ? digits.toUpperCase() : digits
  const prefix = spec.isAlternate && type in RADIX ? `0${type}` : ''
  return assembled(`${signOf(value < 0n, spec)}${prefix}`, body, '', spec)
}

/** A float of Python in the form asked for. */
export function formatFloat(value: number, spec: FormatSpec): string {
  const type = spec.type
  if (type !== '' && !FLOAT_TYPES.includes(type)) throw unknownType(type, 'float')
  checkGrouping(spec, type)
  const text = Number.isFinite(value) ? finiteText(value, spec) : notFinite(value, type)
  const isZero = !/[1-9]/.test(text.replace(/[eE].*$/, ''))
  const isNegative =
    (value < 0 || Object.is(value, -0)) &&
    !(spec.isPositiveZero && isZero && Number.isFinite(value))
  const cut = text.search(/[.eE%a-zA-Z]/)
  const [whole, rest] = cut < 0 ? [text, ''] : [text.slice(0, cut), text.slice(cut)]
  return assembled(signOf(isNegative, spec), whole, rest, spec)
}

function finiteText(value: number, spec: FormatSpec): string {
  const size = Math.abs(value)
  const places = spec.precision ?? 6
  switch (spec.type) {
    case 'e':
    case 'E':
      return cased(exponentForm(size, places, spec), spec.type === 'E')
    case 'f':
    case 'F':
      return pointed(fixedDigits(size, places), spec)
    case '%':
      return `${pointed(fixedDigits(size * 100, places), spec)}%`
    case 'g':
    case 'G':
    case 'n':
      return cased(generalForm(size, Math.max(places, 1), spec, 0), spec.type === 'G')
    default:
      return spec.precision === null
        ? shortest(size, spec)
        : generalForm(size, Math.max(spec.precision, 1), spec, 1)
  }
}

function shortest(size: number, spec: FormatSpec): string {
  const text = floatText(size)
  return spec.isAlternate ? text.replace(/^(\d+)e/, '$1.e') : text
}

function exponentForm(size: number, places: number, spec: FormatSpec): string {
  const { digits, exponent } = significantDigits(size, places + 1)
  return `${pointed(withPoint(digits, 1), spec)}e${exponentText(exponent)}`
}

/**
 * Plain or exponent form, whichever is shorter, zeros at the end cut off. Without a type (`least` 1) one digit stays
 * behind the point, and the exponent form comes one digit earlier.
 */
function generalForm(size: number, count: number, spec: FormatSpec, least: 0 | 1): string {
  const { digits, exponent } = significantDigits(size, count)
  if (exponent < -4 || exponent >= count - least) {
    const mantissa = trimmed(withPoint(digits, 1), spec)
    return `${pointed(mantissa, spec)}e${exponentText(exponent)}`
  }
  const plain =
    exponent >= 0
      ? withPoint(digits, exponent + 1)
      : withPoint(`${'0'.repeat(-exponent)}${digits}`, 1)
  const short = trimmed(plain, spec)
  if (least === 1 && !short.includes('.')) return `${short}.0`
  return pointed(short, spec)
}

function trimmed(text: string, spec: FormatSpec): string {
  if (spec.isAlternate || !text.includes('.')) return text
  return text.replace(/\.?0+$/, '')
}

function withPoint(digits: string, whole: number): string {
  return digits.length > whole ? `${digits.slice(0, whole)}.${digits.slice(whole)}` : digits
}

/** `#` keeps the point even where nothing follows it. */
function pointed(text: string, spec: FormatSpec): string {
  return spec.isAlternate && !text.includes('.') ? `${text}.` : text
}

function exponentText(exponent: number): string {
  return `${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}

function cased(text: string, isUpper: boolean): string {
  return isUpper ? text.toUpperCase() : text
}

function notFinite(value: number, type: string): string {
  const text = `${Number.isNaN(value) ? 'nan' : 'inf'}${type === '%' ? '%' : ''}`
  return cased(text, type !== '' && 'EFG'.includes(type))
}

/** Sign, digits in groups, what follows them, and the padding: zeros are grouped like digits. */
function assembled(sign: string, whole: string, rest: string, spec: FormatSpec): string {
  if (spec.grouping === null) return padded(sign, whole + rest, spec, '>')
  const size = spec.type !== '' && 'boxX'.includes(spec.type) ? 4 : 3
  if (spec.fill !== '0' || spec.align !== '=') {
    return padded(sign, grouped(whole, size, spec.grouping) + rest, spec, '>')
  }
  const room = spec.width - lengthOf(sign) - lengthOf(rest)
  let digits = whole
  while (lengthOf(grouped(digits, size, spec.grouping)) < room) digits = `0${digits}`
  return sign + grouped(digits, size, spec.grouping) + rest
}

function grouped(digits: string, size: number, mark: string): string {
  if (!/^[0-9a-fA-F]+$/.test(digits)) return digits
  const groups: string[] = []
  for (let end = digits.length; end > 0; end -= size) {
    groups.unshift(digits.slice(Math.max(0, end - size), end))
  }
  return groups.join(mark)
}

function signOf(isNegative: boolean, spec: FormatSpec): string {
  if (isNegative) return '-'
  return spec.sign === '+' || spec.sign === ' ' ? spec.sign : ''
}

function checkInteger(spec: FormatSpec, type: string): void {
  if (spec.precision !== null) {
    throw new FormatError('ValueError', 'Precision not allowed in integer format specifier')
  }
  if (spec.isPositiveZero) {
    throw new FormatError(
      'ValueError',
      'Negative zero coercion (z) not allowed in integer format specifier',
    )
  }
  if (type === 'c' && spec.sign !== null) {
    throw new FormatError('ValueError', "Sign not allowed with integer format specifier 'c'")
  }
  if (type === 'c' && spec.isAlternate) {
    throw new FormatError(
      'ValueError',
      "Alternate form (#) not allowed with integer format specifier 'c'",
    )
  }
  checkGrouping(spec, type)
}

function checkGrouping(spec: FormatSpec, type: string): void {
  const mark = spec.grouping
  if (mark === null) return
  const isAllowed = !(type === 'c' || type === 'n' || (mark === ',' && type in RADIX))
  if (isAllowed) return
  throw new FormatError('ValueError', `Cannot specify '${mark}' with '${type}'.`)
}

function characterOf(value: bigint): string {
  if (value >= 0n && value < 0x110000n) return String.fromCodePoint(Number(value))
  throw new FormatError('OverflowError', '%c arg not in range(0x110000)')
}

function unknownType(type: string, kind: string): FormatError {
  return new FormatError('ValueError', `Unknown format code '${type}' for object of type '${kind}'`)
}
