import { sleep } from '../../src/async/sleep.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import type { Lease } from '../../src/leases/lease.ts'
import { PostgresLeases } from '../../src/leases/postgres-leases.ts'
import { service } from '../support/services.ts'

/** Waits for the lease, then writes under it until it is lost, in a process that a test suspends. */
const WRITER = process.argv[2] ?? ''
const PAUSES_INSIDE = process.argv[3] === 'inside'
const HOLD_MS = 1_000

const database = await openDatabase({ url: service('DATABASE_URL') })
const leases = new PostgresLeases(database, WRITER)
let lease: Lease | undefined
while (lease === undefined) {
  lease = await leases.acquire('job', { holdMs: HOLD_MS })
  if (lease === undefined) await sleep(50)
}
console.log(`holds epoch ${lease.epoch}`)
try {
  for (;;) {
    await lease.extend().catch(() => undefined) // the write is what must be refused
    await write(lease)
    await sleep(20)
  }
} catch (error) {
  console.log(`refused ${error instanceof Error && 'code' in error ? error.code : error}`)
}
await database.close()

async function write(held: Lease): Promise<void> {
  await database.transaction(async (transaction) => {
    await held.confirm(transaction)
    await transaction.query('INSERT INTO written (writer, epoch) VALUES ($1, $2)', [
      WRITER,
      held.epoch,
    ])
    if (!PAUSES_INSIDE) return
    console.log('inside')
    await sleep(100)
  })
}
