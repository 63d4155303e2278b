import { randomBytes } from 'node:crypto'

/** A value as one column of many rows; JSON comes as text already. */
export type Cell = string | number | boolean | null

/** What sets the values of a column apart, and what stands for NULL among them. */
export interface Marks {
  readonly separator: string
  readonly nothing: string
}

export interface Column {
  readonly cells: readonly Cell[]
  /** Text that somebody else wrote as it is, so that it may hold anything; JSON, numbers and hex hold no marks. */
  readonly isText?: boolean
}

/**
 * Columns of many rows as one text parameter each, the first two being the marks. PostgreSQL cuts a text apart three
 * times as fast as it reads an array, and no quote in it has to be escaped.
 */
export function columnParameters(columns: readonly Column[]): string[] {
  const marks = columns.some(hasMark) ? unheardOfMarks() : MARKS
  return [marks.separator, marks.nothing, ...columns.map(({ cells }) => joined(cells, marks))]
}

/** The other side: `FROM` items that give the rows back, all columns of type text. */
export function rowsFrom(names: readonly string[], firstParameter = 1): string {
  const [separator, nothing] = [`$${firstParameter}`, `$${firstParameter + 1}`]
  const columns = names.map(
    (_, index) =>
      `unnest(string_to_array($${firstParameter + 2 + index}, ${separator}, ${nothing}))`,
  )
  return `ROWS FROM (${columns.join(', ')}) AS new (${names.join(', ')})`
}

/** Bytes travel as one binary parameter, not as hex, and are cut apart again by where each value starts. */
export interface ByteColumn {
  readonly bytes: Buffer
  readonly starts: readonly number[]
  readonly lengths: readonly number[]
}

export function byteColumn(values: readonly Buffer[]): ByteColumn {
  const starts: number[] = []
  const lengths: number[] = []
  let start = 1 // SQL counts from there
  for (const { length } of values) {
    starts.push(start)
    lengths.push(length)
    start += length
  }
  return { bytes: Buffer.concat(values), starts, lengths }
}

/** Control characters: JSON escapes them, and nobody puts them into names. */
const MARKS: Marks = { separator: '\u001f', nothing: '\u001e' }

function hasMark({ cells, isText }: Column): boolean {
  return isText === true && cells.some((cell) => typeof cell === 'string' && holdsMark(cell))
}

function holdsMark(text: string): boolean {
  return text.includes(MARKS.separator) || text.includes(MARKS.nothing)
}

/** Almost nobody; then they are marks that none could foresee. */
function unheardOfMarks(): Marks {
  const secret = randomBytes(12).toString('hex')
  return { separator: `\u001f${secret}`, nothing: `\u001e${secret}` }
}

/** Rows that a column is too short for get NULL, so one that holds nothing else need not be sent. */
function joined(cells: readonly Cell[], { separator, nothing }: Marks): string {
  if (cells.every((cell) => cell === null)) return ''
  return cells.map((cell) => cell ?? nothing).join(separator)
}
