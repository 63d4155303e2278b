import { expect, test } from 'vitest'
import type { Connection } from '../../../src/database/database.ts'
import { firstRecorded, recordedMessages } from '../../../src/monitor/queries/recorded-messages.ts'

const LONG = 20_000

/** Two attempts at a task, whose bodies are too long to come with their rows. */
function attempts(): { readonly connection: Connection; readonly read: unknown[] } {
  const read: unknown[] = []
  const row = {
    day: '2026-11-30',
    received_at: new Date(0),
    exchange: 'task_exchange',
    routing_key: 'export',
    properties: '{}',
    reason: null,
    altered: null,
    bytes: LONG,
    body: null,
  }
  const query = async (sql: string, values: readonly unknown[]): Promise<unknown[]> => {
    if (!sql.includes('substring(body')) {
      return [1, 0].map((retries) => ({
        ...row,
        id: `${retries}`,
        headers: `{"retries": ${retries}}`,
      }))
    }
    read.push(values[0])
    return [{ slice: Buffer.alloc(LONG, String(values[0])) }]
  }
  // Of a connection only this is used.
  return { connection: { query } as unknown as Connection, read }
}

test('of many attempts only the body of the first is read', async () => {
  const { connection, read } = attempts()
  const order = (one: { headers: object }, other: { headers: object }): number =>
    JSON.stringify(one.headers) < JSON.stringify(other.headers) ? -1 : 1
  const first = await firstRecorded(connection, 'id', order)
  expect(first?.message.body).toEqual(Buffer.alloc(LONG, '0'))
  expect(read).toEqual(['0'])
})

test('the bodies of all attempts come one after the other, in slices', async () => {
  const { connection, read } = attempts()
  const messages = await recordedMessages(connection, 'id')
  expect(messages.map(({ message }) => message.body.length)).toEqual([LONG, LONG])
  expect(read).toEqual(['1', '0'])
})
