import type pg from 'pg'

/** What pg hands to a query that it does not know, of the COPY protocol. */
interface CopyConnection {
  query(sql: string): void
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
}

/** All rows of a table (or query) in COPY's text format. */
export async function copyOut(client: pg.Client, sql: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  await new Promise<void>((resolve, reject) => {
    submit(client, {
      submit: (connection) => connection.query(`copy (${sql}) to stdout`),
      // A copy: the driver uses its buffer again.
      handleCopyData: ({ chunk }) => void chunks.push(Buffer.from(chunk)),
      handleReadyForQuery: () => resolve(),
      handleError: reject,
    })
  })
  return Buffer.concat(chunks)
}

/** Rows in COPY's text format into a table: as fast as PostgreSQL takes them on one connection. */
export async function copyIn(client: pg.Client, table: string, rows: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    submit(client, {
      submit: (connection) => connection.query(`copy ${table} from stdin`),
      handleCopyInResponse: (connection) => {
        for (let start = 0; start < rows.length; start += CHUNK) {
          connection.sendCopyFromChunk(rows.subarray(start, start + CHUNK))
        }
        connection.endCopyFrom()
      },
      handleReadyForQuery: () => resolve(),
      handleError: reject,
    })
  })
}

const CHUNK = 256 * 1024

interface CopyQuery {
  submit(connection: CopyConnection): void
  handleCopyInResponse?(connection: CopyConnection): void
  handleCopyData?(message: { readonly chunk: Buffer }): void
  handleReadyForQuery(): void
  handleError(error: Error): void
}

/** pg calls these of any query object; those that say nothing here are of no interest. */
function submit(client: pg.Client, query: CopyQuery): void {
  const whole = {
    handleCommandComplete: nothing,
    handleCopyInResponse: nothing,
    handleCopyData: nothing,
    ...query,
  }
  client.query(whole as unknown as pg.Submittable)
}

function nothing(): void {
  // See above.
}
