/** One argument that a task was called with. */
export interface ArgumentFilter {
  /** The name of a keyword argument ("slug"), of something within it ("options.page"), or a position ("0", "0.slug"). */
  readonly path: string
  readonly value: unknown
  /** Tasks called with this text instead are meant as well: "5" beside 5. */
  readonly text?: string
}

/**
 * Tasks called with this argument, by containment, which the index on arguments answers. A named one is also looked
 * for in objects among the positional arguments, where JavaScript puts options.
 */
export function argumentCondition(
  { path, value, text }: ArgumentFilter,
  parameter: (value: unknown) => string,
): string {
  const values = text === undefined ? [value] : [value, text]
  return `(${values.map((one) => called(path, one, parameter)).join(' OR ')})`
}

function called(path: string, value: unknown, parameter: (value: unknown) => string): string {
  const [first = '', ...rest] = path.split('.')
  const contains = (column: string, wanted: unknown): string =>
    `${column} @> ${parameter(JSON.stringify(wanted))}::jsonb`
  if (/^\d+$/.test(first)) {
    const item = nested(rest, value)
    const place = `task.args -> ${parameter(first)}::integer`
    return `(${contains('task.args', [item])} AND ${contains(place, item)})`
  }
  const named = nested([first, ...rest], value)
  return `${contains('task.kwargs', named)} OR ${contains('task.args', [named])}`
}

function nested(path: readonly string[], value: unknown): unknown {
  return path.reduceRight<unknown>((inner, name) => Object.fromEntries([[name, inner]]), value)
}
