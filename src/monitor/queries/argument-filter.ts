import { jsonbText } from '../stored/stored-json.ts'

/** One argument that a task was called with. */
export interface ArgumentFilter {
  /**
   * The name of a keyword argument ("slug"), of something within it ("options.page", "rows.0.id"), or a position ("0",
   * "0.slug").
   */
  readonly path: string
  readonly value: unknown
  /** Tasks called with this text instead are meant as well: "5" beside 5. */
  readonly text?: string
}

type Parameter = (value: unknown) => string

/**
 * Tasks called with this argument, by containment, which the index on arguments answers. A named one is also looked
 * for in objects among the positional arguments, where JavaScript puts options.
 */
export function argumentCondition(
  { path, value, text }: ArgumentFilter,
  parameter: Parameter,
): string {
  const values = text === undefined ? [value] : [value, text]
  return `(${values.map((one) => called(path.split('.'), one, parameter)).join(' OR ')})`
}

function called(path: readonly string[], value: unknown, parameter: Parameter): string {
  const [first = '', ...rest] = path
  const contains = (column: string, wanted: unknown): string =>
    `${column} @> ${parameter(jsonbText(wanted))}::jsonb`
  // Containment finds an item anywhere in a list; this looks at the place itself.
  const atPlace = (column: string, wanted: unknown): string =>
    `(${contains(column, wanted)} AND ${contains(`(${column} #> ${parameter(path)}::text[])`, value)})`
  const hasPositions = rest.some(isPosition)
  if (isPosition(first)) {
    const items = [nested(rest, value), ...(hasPositions ? [inLists(rest, value)] : [])]
    return items.map((item) => atPlace('task.args', [item])).join(' OR ')
  }
  const named = nested(path, value)
  return [
    contains('task.kwargs', named),
    ...(hasPositions ? [atPlace('task.kwargs', inLists(path, value))] : []),
    contains('task.args', [named]),
  ].join(' OR ')
}

function nested(path: readonly string[], value: unknown): unknown {
  return path.reduceRight<unknown>((inner, name) => Object.fromEntries([[name, inner]]), value)
}

/** The same, where a number in the path is a place in a list. */
function inLists(path: readonly string[], value: unknown): unknown {
  return path.reduceRight<unknown>(
    (inner, name) => (isPosition(name) ? [inner] : Object.fromEntries([[name, inner]])),
    value,
  )
}

/** PostgreSQL counts in 32 bits. */
function isPosition(name: string): boolean {
  return /^\d{1,9}$/.test(name)
}
