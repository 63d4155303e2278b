/** Columns of many rows as few parameters, each in the form that PostgreSQL reads fastest. */

/** For `$n::text[]`. */
export function textArray(values: readonly (string | null)[]): string {
  let array = ''
  for (const value of values) array += `,${value === null ? 'NULL' : quoted(value)}`
  return `{${array.slice(1)}}`
}

/** For arrays of numbers and booleans. */
export function plainArray(values: readonly (number | boolean | null)[]): string {
  return `{${values.map((value) => (value === null ? 'NULL' : String(value))).join(',')}}`
}

/** For `jsonb_array_elements($n::jsonb)`: unlike in an array of text, no quote in it has to be escaped. */
export function jsonArray(texts: readonly (string | null)[]): string {
  return `[${texts.map((text) => text ?? 'null').join(',')}]`
}

/** Bytes travel as one binary parameter, not as hex, and are cut apart again by where each value starts. */
export function byteColumn(values: readonly Buffer[]): ByteColumn {
  const starts: number[] = []
  const lengths: number[] = []
  let start = 1 // SQL counts from there
  for (const { length } of values) {
    starts.push(start)
    lengths.push(length)
    start += length
  }
  return { bytes: Buffer.concat(values), starts: plainArray(starts), lengths: plainArray(lengths) }
}

export interface ByteColumn {
  readonly bytes: Buffer
  readonly starts: string
  readonly lengths: string
}

function quoted(text: string): string {
  return text.includes('"') || text.includes('\\')
    ? `"${text.replace(/["\\]/g, '\\$&')}"`
    : `"${text}"`
}
