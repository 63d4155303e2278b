import { finished } from 'node:stream/promises'
import type { ClientBase } from 'pg'
import type * as CopyStreams from 'pg-copy-streams'
import { requirePackage } from '../../installed-packages.ts'

/** Runs `COPY … FROM STDIN`. Rejects with what PostgreSQL says; the connection is fit for the next statement then. */
export async function copyInto(
  client: ClientBase,
  sql: string,
  chunks: readonly Buffer[],
): Promise<void> {
  const { from }: typeof CopyStreams = requirePackage('pg-copy-streams')
  const copying = client.query(from(sql))
  // A row may be refused while others are still on their way: these are not sent any more.
  copying.once('error', () => copying.destroy())
  for (const chunk of chunks) copying.write(chunk)
  copying.end()
  await finished(copying)
}
