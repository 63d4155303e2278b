import { FormatError } from './format-error.ts'

/** Python's format specification: `[[fill]align][sign][z][#][0][width][grouping][.precision][type]`. */
export interface FormatSpec {
  readonly fill: string
  readonly align: '<' | '>' | '^' | '=' | null
  readonly sign: '+' | '-' | ' ' | null
  readonly isPositiveZero: boolean
  readonly isAlternate: boolean
  readonly width: number
  readonly grouping: ',' | '_' | null
  readonly precision: number | null
  /** One letter; empty for the kind's own form. */
  readonly type: string
}

/** No text of a recipe needs more; a specification that asks for gigabytes is refused. */
const MAX_SIZE = 10_000

const SPEC =
  /^(?:(?<fill>[\s\S])?(?<align>[<>=^]))?(?<sign>[-+ ])?(?<z>z)?(?<alternate>#)?(?<zero>0)?(?<width>\d+)?(?<grouping>[,_])?(?:\.(?<precision>\d+))?(?<type>[^\d])?$/u

export function parseFormatSpec(text: string, kind: string): FormatSpec {
  const groups = SPEC.exec(text)?.groups
  if (groups === undefined) {
    throw new FormatError(
      'ValueError',
      `Invalid format specifier '${text.slice(0, 60)}' for object of type '${kind}'`,
    )
  }
  const isZeroFilled = groups.zero !== undefined
  const align = groups.align as FormatSpec['align'] | undefined
  return {
    fill: groups.fill ?? (isZeroFilled ? '0' : ' '),
    align: align ?? (isZeroFilled && kind !== 'str' ? '=' : null),
    sign: (groups.sign as FormatSpec['sign'] | undefined) ?? null,
    isPositiveZero: groups.z !== undefined,
    isAlternate: groups.alternate !== undefined,
    width: sizeOf(groups.width) ?? 0,
    grouping: (groups.grouping as FormatSpec['grouping'] | undefined) ?? null,
    precision: sizeOf(groups.precision),
    type: groups.type ?? '',
  }
}

function sizeOf(digits: string | undefined): number | null {
  if (digits === undefined) return null
  const size = Number(digits)
  if (size <= MAX_SIZE) return size
  throw new FormatError(
    'ValueError',
    `a width or precision of ${digits.slice(0, 20)} in a format specification; at most ${MAX_SIZE} is allowed`,
  )
}

/** Fills a text up to the width; `sign` is the part that `=` leaves in front of the padding. */
export function padded(sign: string, body: string, spec: FormatSpec, usual: '<' | '>'): string {
  const missing = spec.width - lengthOf(sign) - lengthOf(body)
  if (missing <= 0) return sign + body
  switch (spec.align ?? usual) {
    case '<':
      return sign + body + spec.fill.repeat(missing)
    case '=':
      return sign + spec.fill.repeat(missing) + body
    case '^': {
      const before = Math.floor(missing / 2)
      return spec.fill.repeat(before) + sign + body + spec.fill.repeat(missing - before)
    }
    default:
      return spec.fill.repeat(missing) + sign + body
  }
}

/** Python counts characters, where JavaScript counts halves of some. */
export function lengthOf(text: string): number {
  let count = 0
  for (const _ of text) count += 1
  return count
}
