import { FormatError } from './format-error.ts'

/** A step into a value: `[key]`, `[0]` or `.attribute`. */
export type FieldStep =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'attribute'; readonly attribute: string }

interface FieldName {
  /** The name of a parameter. All digits: the place of a positional argument, of which there is none. */
  readonly first: string
  /** Read one by one: a mistake in a later one counts only where the earlier ones led to a value. */
  readonly steps: Iterable<FieldStep>
}

const DIGITS = /^\d+$/

export function isDigits(text: string): boolean {
  return DIGITS.test(text)
}

/** Splits `name[key][0].attribute`. Names are taken literally, blanks included. */
export function splitFieldName(name: string): FieldName {
  const end = name.search(/[.[]/)
  if (end < 0) return { first: name, steps: [] }
  return { first: name.slice(0, end), steps: stepsOf(name, end) }
}

function* stepsOf(name: string, from: number): Generator<FieldStep> {
  let at = from
  while (at < name.length) {
    const [step, next] = name[at] === '[' ? itemStep(name, at) : attributeStep(name, at)
    yield step
    at = next
  }
}

function itemStep(name: string, at: number): [FieldStep, number] {
  const close = name.indexOf(']', at)
  if (close < 0) throw new FormatError('ValueError', "Missing ']' in format string")
  const key = name.slice(at + 1, close)
  if (key === '') throw new FormatError('ValueError', 'Empty attribute in format string')
  return [DIGITS.test(key) ? indexStep(key) : { kind: 'key', key }, close + 1]
}

function indexStep(digits: string): FieldStep {
  const index = Number(digits)
  if (Number.isSafeInteger(index)) return { kind: 'index', index }
  throw new FormatError('ValueError', 'Too many decimal digits in format string')
}

function attributeStep(name: string, at: number): [FieldStep, number] {
  if (name[at] !== '.') {
    throw new FormatError('ValueError', "Only '.' or '[' may follow ']' in format field specifier")
  }
  const rest = name.slice(at + 1).search(/[.[]/)
  const end = rest < 0 ? name.length : at + 1 + rest
  if (end === at + 1) throw new FormatError('ValueError', 'Empty attribute in format string')
  return [{ kind: 'attribute', attribute: name.slice(at + 1, end) }, end]
}
