import { entriesOf, isDict } from '../ordered-dict.ts'
import { encodeJson } from './json.ts'

interface IndentOptions {
  readonly sortKeys?: boolean
  /** What stands for a value that has no form in JSON. */
  readonly textOf?: (value: object) => string | undefined
}

/** JSON in lines, as Python's `json.dumps(value, indent=2)` writes it. */
export function indentedJson(value: unknown, options: IndentOptions = {}, margin = ''): string {
  const inner = `${margin}  `
  if (Array.isArray(value)) {
    const items = value.map((item) => inner + indentedJson(item, options, inner))
    return items.length === 0 ? '[]' : `[\n${items.join(',\n')}\n${margin}]`
  }
  if (isDict(value)) {
    const entries = entriesOf(value).filter(([, item]) => item !== undefined)
    if (options.sortKeys === true) entries.sort(([left], [right]) => (left < right ? -1 : 1))
    const items = entries.map(
      ([key, item]) => `${inner}${encodeJson(key)}: ${indentedJson(item, options, inner)}`,
    )
    return items.length === 0 ? '{}' : `{\n${items.join(',\n')}\n${margin}}`
  }
  const text = typeof value === 'object' && value !== null ? options.textOf?.(value) : undefined
  return encodeJson(text ?? value)
}
