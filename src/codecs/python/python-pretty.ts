import { entriesOf, isDict } from '../ordered-dict.ts'
import { pythonRepr } from './python-text.ts'

const WIDTH = 80

/** A value as Python's `pprint` shows it: keys sorted, wrapped at 80 columns. */
export function pythonPretty(value: unknown, column = 0): string {
  const line = sortedRepr(value)
  if (line.length <= WIDTH - column) return line
  if (Array.isArray(value))
    return wrapped(
      '[',
      value.map((item) => ['', item]),
      ']',
      column,
    )
  if (isDict(value)) {
    const entries = sorted(value).map(([key, item]): [string, unknown] => [
      `${pythonRepr(key)}: `,
      item,
    ])
    return wrapped('{', entries, '}', column)
  }
  return line
}

function wrapped(
  open: string,
  entries: readonly (readonly [string, unknown])[],
  close: string,
  column: number,
): string {
  const margin = ' '.repeat(column + 1)
  const lines = entries.map(([key, item]) => key + pythonPretty(item, column + 1 + key.length))
  return `${open}${lines.join(`,\n${margin}`)}${close}`
}

function sortedRepr(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sortedRepr).join(', ')}]`
  if (!isDict(value)) return pythonRepr(value)
  return `{${sorted(value)
    .map(([key, item]) => `${pythonRepr(key)}: ${sortedRepr(item)}`)
    .join(', ')}}`
}

function sorted(dict: Parameters<typeof entriesOf>[0]): [string, unknown][] {
  return entriesOf(dict).sort(([left], [right]) => (left < right ? -1 : 1))
}
