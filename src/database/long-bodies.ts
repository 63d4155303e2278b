import type { Connection } from './database.ts'

/** A body comes as text of twice its length, of which bytes are made: what is longer comes in slices. */
const SLICE_BYTES = 4 * 1024 * 1024
/** So many rows of a query as are usual bring their bodies with them. */
const AT_ONCE_BYTES = 16 * 1024

/** For a query of rows with a body: how long it is, and the body itself where it is short. */
export const BODY_COLUMNS = `octet_length(body) AS bytes,
  CASE WHEN octet_length(body) <= ${AT_ONCE_BYTES} THEN body END AS body`

export interface BodyColumns {
  readonly bytes: number
  readonly body: Buffer | null
}

/** Where a body is: the table, and the row by one of its columns. */
export interface BodyPlace {
  readonly table: string
  readonly column: string
  readonly value: string | number
}

/** The rows, one after the other, with their whole bodies; without those that are gone by now. */
export async function withBodies<Row extends BodyColumns>(
  connection: Connection,
  rows: readonly Row[],
  placeOf: (row: Row) => BodyPlace,
): Promise<(Row & { readonly body: Buffer })[]> {
  const whole: (Row & { readonly body: Buffer })[] = []
  for (const row of rows) {
    const body = await wholeBody(connection, row, placeOf(row))
    if (body !== undefined) whole.push({ ...row, body })
  }
  return whole
}

/** The whole body of a row; undefined where the row is gone. */
export async function wholeBody(
  connection: Connection,
  { bytes, body }: BodyColumns,
  { table, column, value }: BodyPlace,
): Promise<Buffer | undefined> {
  if (body !== null) return body
  const slice = `SELECT substring(body FROM $2::int FOR ${SLICE_BYTES}) AS slice FROM ${table} WHERE ${column} = $1`
  const whole = Buffer.alloc(bytes)
  for (let at = 0; at < bytes; at += SLICE_BYTES) {
    const [row] = await connection.query<{ slice: Buffer }>(slice, [value, at + 1])
    if (row === undefined) return undefined
    row.slice.copy(whole, at)
  }
  return whole
}

const MOST_AT_A_TIME = 8 * 1024 * 1024

/** The first rows, whose bodies together are no longer than a few megabytes; one at least. */
export function atATime<Row extends BodyColumns>(rows: readonly Row[]): readonly Row[] {
  let bytes = 0
  const end = rows.findIndex((row) => {
    bytes += row.bytes
    return bytes > MOST_AT_A_TIME
  })
  return end < 0 ? rows : rows.slice(0, Math.max(1, end))
}
