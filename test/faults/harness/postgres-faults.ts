import { setTimeout as wait } from 'node:timers/promises'
import { Client } from 'pg'
import type { SmallDisk } from './small-disk.ts'
import type { Faults, Targets } from './targets.ts'

/** What happens to a database, and what its operators do. */
export function postgresFaults(disk: SmallDisk | undefined): Faults {
  return {
    'all PostgreSQL sessions ended': async ({ sql }) => endSessions(sql),
    'PostgreSQL read-only': async ({ sql }, seeds) => {
      await readOnly(sql, true)
      await wait(seeds.between(1_000, 4_000))
      await readOnly(sql, false)
    },
    ...(disk && {
      'PostgreSQL full': async (_, seeds) => {
        await disk.fill()
        await wait(seeds.between(1_000, 4_000))
        await disk.free()
      },
    }),
    'PostgreSQL out of connections': async (targets, seeds) => {
      const taken = await takeAllConnections(targets)
      await wait(seeds.between(1_000, 4_000))
      await Promise.all(taken.map((client) => client.end()))
    },
  }
}

async function readOnly(sql: Targets['sql'], isOn: boolean): Promise<void> {
  await sql(
    `set transaction read write; do $$ begin execute format('alter database %I set default_transaction_read_only = ${isOn ? 'on' : 'off'}', current_database()); end $$`,
  )
  // Sessions that exist keep what they began with.
  await endSessions(sql)
}

async function endSessions(sql: Targets['sql']): Promise<void> {
  await sql(
    'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  )
}

/** Those of the services are ended, and each place that becomes free is taken, until the server refuses the next. */
async function takeAllConnections({ sql, databaseUrl }: Targets): Promise<Client[]> {
  const taken: Client[] = []
  await endSessions(sql)
  for (;;) {
    const client = new Client({ connectionString: databaseUrl })
    client.on('error', () => undefined) // it may be ended by another fault
    try {
      await client.connect()
    } catch {
      return taken
    }
    taken.push(client)
  }
}
