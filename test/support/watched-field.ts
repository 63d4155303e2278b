import { onTestFinished } from 'vitest'
import type { ConfigOptions } from '../../src/config/config.ts'
import type { CeleryApp } from '../../src/create-app.ts'
import type { Database } from '../../src/database/database.ts'
import { Monitor } from '../../src/monitor/monitor.ts'
import type { ReconcilerOptions } from '../../src/monitor/states/reconciler.ts'
import { Ledger } from './ledger.ts'
import { freshServers, liveApp, migratedDatabase, type Servers } from './live-app.ts'
import { service } from './services.ts'

/** Servers for pods of both languages, a monitor that looks for lost tasks all the time, and the ledger of the tasks. */
export interface WatchedField {
  readonly servers: Servers
  readonly app: CeleryApp
  readonly database: Database
  readonly ledger: Ledger
}

interface WatchedOptions {
  /** Default: the management API may be asked. */
  readonly shownBy?: Partial<ConfigOptions>
  /** Default: what is lost is published again. */
  readonly policy?: 'mark' | 'replay'
  readonly reconcile?: Pick<ReconcilerOptions, 'everyMs' | 'graceMs'>
}

export async function openWatchedField({
  shownBy = { RABBITMQ_API_URL: service('RABBITMQ_API_URL') },
  policy = 'replay',
  reconcile = { everyMs: 1000, graceMs: 3000 },
}: WatchedOptions = {}): Promise<WatchedField> {
  const servers = await freshServers(['export', 'python'])
  const app = liveApp(servers, { ...shownBy, RECONCILE: { '*': policy } })
  const database = await migratedDatabase(servers.databaseUrl)
  const states = { reconcile: { ...reconcile, missedHeartbeats: 4 } }
  const monitor = new Monitor({ broker: app.broker(), database, config: app.config, states })
  onTestFinished(() => monitor.stop())
  await monitor.start()
  return { servers, app, database, ledger: new Ledger() }
}

/** Whether its monitor has looked at the queues since. */
export async function looksAfter(database: Database, atMs: number): Promise<boolean> {
  const rows = await database.query('select from monitor.queue where looked_at > $1', [
    new Date(atMs),
  ])
  return rows.length > 0
}
