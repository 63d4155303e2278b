import { textOf } from '../../text-of-error.ts'

export interface Column<Row> {
  readonly title: string
  readonly value: (row: Row) => unknown
  readonly align?: 'left' | 'right'
  /** Never shortened: an id is of no use without its end. */
  readonly isWhole?: boolean
  /** Left out where there is no room for it, before any column is shortened. */
  readonly isExtra?: boolean
  /** The SGR code of a cell's colour, e.g. "32"; undefined for none. */
  readonly colour?: (row: Row) => string | undefined
}

interface TableOptions {
  /** Longer lines are made to fit by shortening the widest columns. Undefined: no limit. */
  readonly width?: number | undefined
  readonly isColoured?: boolean
}

const GAP = '  '
const NARROWEST = 6

/** An aligned table with a line of titles; not wider than `width`, as far as columns can be cut or left out. */
export function renderTable<Row>(
  allColumns: readonly Column<Row>[],
  rows: readonly Row[],
  { width, isColoured = false }: TableOptions = {},
): string {
  const columns = withRoom(allColumns, rows, width)
  const titles = titlesOf(columns)
  const cells = cellsOf(columns, rows)
  const widths = fitted(widestOf([titles, ...cells]), columns, width)
  const line = (texts: readonly string[], row?: Row): string =>
    columns
      .map((column, index) => {
        const text = aligned(texts[index] ?? '', widths[index] ?? 0, column.align)
        const colour = isColoured && row !== undefined ? column.colour?.(row) : undefined
        return colour === undefined ? text : `\u001B[${colour}m${text}\u001B[0m`
      })
      .join(GAP)
      .trimEnd()
  return [line(titles), ...rows.map((row, index) => line(cells[index] ?? [], row))].join('\n')
}

function titlesOf(columns: readonly Column<never>[]): string[] {
  return columns.map(({ title }) => title.toUpperCase())
}

function cellsOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[][] {
  return rows.map((row) => columns.map((column) => cellText(column.value(row))))
}

/** The columns that there is room for; of those that may go the last goes first. */
function withRoom<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number | undefined,
): readonly Column<Row>[] {
  if (width === undefined) return columns
  const widths = widestOf([titlesOf(columns), ...cellsOf(columns, rows)])
  const kept = columns.map((column, index) => ({ column, size: widths[index] ?? 0 }))
  while (sum(kept.map(({ size }) => size)) + GAP.length * (kept.length - 1) > width) {
    const last = kept.findLastIndex(({ column }) => column.isExtra === true)
    if (last < 0) break
    kept.splice(last, 1)
  }
  return kept.map(({ column }) => column)
}

/** One line of harmless text: what came with a message must not steer the terminal. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return ''
  const text = value instanceof Date ? shortTime(value) : textOf(value)
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')
}

export function statusColour(status: string): string | undefined {
  switch (status) {
    case 'SUCCESS':
      return '32'
    case 'FAILURE':
    case 'REVOKED':
    case 'LOST':
    case 'UNROUTED':
    case 'REJECTED':
      return '31'
    case 'RETRY':
    case 'EXPIRED':
      return '33'
    default:
      return undefined
  }
}

function shortTime(time: Date): string {
  return time.toISOString().replace('T', ' ').replace(/\..*$/, '')
}

function widestOf(lines: readonly (readonly string[])[]): number[] {
  const [first = []] = lines
  return first.map((_, index) =>
    lines.reduce((widest, line) => Math.max(widest, lengthOf(line[index] ?? '')), 0),
  )
}

/** Takes from the widest columns until the line fits. */
function fitted(
  widths: readonly number[],
  columns: readonly { readonly isWhole?: boolean }[],
  width: number | undefined,
): number[] {
  if (width === undefined) return [...widths]
  const room = width - GAP.length * (widths.length - 1)
  // One letter at a time is taken below: of a cell of megabytes, all that no line has room for at once.
  const result = widths.map((size, index) =>
    columns[index]?.isWhole === true ? size : Math.min(size, Math.max(room, NARROWEST)),
  )
  for (let excess = sum(result) - room; excess > 0; excess -= 1) {
    const cuttable = result.map((size, index) => (columns[index]?.isWhole === true ? 0 : size))
    const widest = Math.max(...cuttable)
    if (widest <= NARROWEST) break
    result[cuttable.indexOf(widest)] = widest - 1
  }
  return result
}

function aligned(text: string, width: number, align: Column<unknown>['align']): string {
  const letters = [...text]
  const cut = letters.length > width ? `${letters.slice(0, width - 1).join('')}…` : text
  const padding = ' '.repeat(Math.max(0, width - lengthOf(cut)))
  return align === 'right' ? padding + cut : cut + padding
}

function lengthOf(text: string): number {
  return [...text].length
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
