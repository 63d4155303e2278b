import { buffer } from 'node:stream/consumers'
import { finished } from 'node:stream/promises'
import type pg from 'pg'
import { from, to } from 'pg-copy-streams'

/** All rows of a table (or query) in COPY's text format. */
export async function copyOut(client: pg.Client, sql: string): Promise<Buffer> {
  return await buffer(client.query(to(`copy (${sql}) to stdout`)))
}

/** Rows in COPY's text format into a table: as fast as PostgreSQL takes them on one connection. */
export async function copyIn(client: pg.Client, table: string, rows: Buffer): Promise<void> {
  const copying = client.query(from(`copy ${table} from stdin`))
  for (let start = 0; start < rows.length; start += CHUNK) {
    copying.write(rows.subarray(start, start + CHUNK))
  }
  copying.end()
  await finished(copying)
}

const CHUNK = 256 * 1024
