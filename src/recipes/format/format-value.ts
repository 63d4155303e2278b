import { isWholeNumber } from '../../codecs/numbers.ts'
import { pythonStr } from '../../codecs/python/python-text.ts'
import { Float } from '../../codecs/values.ts'
import { FormatError } from './format-error.ts'
import { formatFloat, formatInteger } from './format-number.ts'
import { padded, parseFormatSpec } from './format-spec.ts'

/**
 * A value as Python's `format(value, spec)` gives it
 * (https://docs.python.org/3/library/string.html#format-specification-mini-language).
 */
export function formatValue(value: unknown, spec: string): string {
  if (spec === '') return pythonStr(value)
  if (typeof value === 'string') return formatText(value, spec)
  if (value instanceof Float) return formatFloat(value.value, parseFormatSpec(spec, 'float'))
  if (typeof value === 'number' && !isWholeNumber(value)) {
    return formatFloat(value, parseFormatSpec(spec, 'float'))
  }
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
    return formatInteger(BigInt(value), parseFormatSpec(spec, 'int'))
  }
  throw new FormatError(
    'TypeError',
    `unsupported format string '${spec.slice(0, 60)}' for a ${kindOf(value)}`,
  )
}

function formatText(text: string, spec: string): string {
  const parsed = parseFormatSpec(spec, 'str')
  if (parsed.type !== '' && parsed.type !== 's') {
    throw refused(`Unknown format code '${parsed.type}' for object of type 'str'`)
  }
  if (parsed.sign !== null) throw refused('Sign not allowed in string format specifier')
  if (parsed.isPositiveZero) {
    throw refused('Negative zero coercion (z) not allowed in string format specifier')
  }
  if (parsed.isAlternate) throw refused('Alternate form (#) not allowed in string format specifier')
  if (parsed.align === '=') throw refused("'=' alignment not allowed in string format specifier")
  if (parsed.grouping !== null) throw refused(`Cannot specify '${parsed.grouping}' with 's'.`)
  const cut = parsed.precision === null ? text : [...text].slice(0, parsed.precision).join('')
  return padded('', cut, parsed, '<')
}

function refused(reason: string): FormatError {
  return new FormatError('ValueError', reason)
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'NoneType'
  return Array.isArray(value) ? 'list' : 'dict'
}
