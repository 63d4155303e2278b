import type { CopyColumn } from './copy-columns.ts'
import { CopyWriter } from './copy-writer.ts'

/** Eleven bytes that tell text from binary, flags, and the length of a header extension. */
const HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
const END = -1

/**
 * Rows in COPY's binary format ("File Formats" in https://www.postgresql.org/docs/current/sql-copy.html): nothing is
 * escaped, and PostgreSQL takes them in at less than half of what parameters cost it.
 */
export function copyRows<Row>(
  columns: readonly CopyColumn<Row>[],
  rows: readonly Row[],
): readonly Buffer[] {
  const bytes = new CopyWriter()
  for (const row of rows) {
    bytes.int16(columns.length)
    for (const column of columns) column.write(bytes, row)
  }
  bytes.int16(END)
  return [HEADER, ...bytes.chunks()]
}
