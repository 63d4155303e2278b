import { onTestFinished } from 'vitest'
import type { Broker } from '../../../src/brokers/broker.ts'
import { openBroker } from '../../../src/brokers/open-broker.ts'
import type { Database } from '../../../src/database/database.ts'
import type { CeleryApp } from '../../../src/index.ts'
import type { Route } from '../../../src/protocol/message.ts'
import { freshServers, liveApp, migratedDatabase } from '../../support/live-app.ts'
import { hasNothingWaiting } from '../../support/rabbitmq.ts'
import { waitFor } from '../../support/wait-for.ts'
import type { End } from './bombs.ts'
import { Watched } from './watched.ts'

export const MINUTES = 60_000
export const LONG = { deadlineMs: 2 * MINUTES }

export const TASKS: Route = { exchange: 'task_exchange', routingKey: 'hostile' }

/** A worker and a monitor on servers of their own. */
export interface Place {
  readonly url: string
  readonly broker: Broker
  readonly database: Database
  readonly worker: Watched
  readonly monitor: Watched
  readonly app: CeleryApp
  /** Resolves once all is taken but dead letters, and worked on. */
  quiet(): Promise<void>
}

export async function openPlace(): Promise<Place> {
  const servers = await freshServers(['hostile'])
  const database = await migratedDatabase(servers.databaseUrl)
  const broker = openBroker(servers.vhost)
  onTestFinished(() => broker.close())
  const appFile = new URL('hostile-app.ts', import.meta.url).pathname
  const env = { ...servers.env, CELERY_ACCEPT_CONTENT: '["json","yaml","msgpack"]' }
  const worker = new Watched(['worker', '-A', appFile, '-Q', 'hostile', '-c', '2'], env)
  const monitor = new Watched(['monitor', '--database', servers.databaseUrl], env)
  await worker.process.waitForLine(/worker ready/)
  await monitor.process.waitForLine(/monitor started/)
  const app = liveApp(servers)
  const quiet = async (): Promise<void> => {
    await waitFor('empty queues', () => hasNothingWaiting(servers.vhost), LONG)
  }
  const { url } = servers.vhost
  return { url, broker, database, worker, monitor, app, quiet }
}

/** How many messages are kept aside. */
export async function kept({ broker }: Place): Promise<number> {
  return (await broker.depth('dlq.hostile').catch(() => ({ messages: 0 }))).messages
}

/** Where a task ended, if it did. */
export async function endOf(id: string, place: Place, keptBefore: number): Promise<End | null> {
  const [row] = await place.database.query<{ status: string }>(
    "select status from celery_taskmeta where task_id = $1 and status in ('SUCCESS', 'FAILURE')",
    [id],
  )
  if (row !== undefined) return 'runs'
  return (await kept(place)) > keptBefore ? 'kept' : null
}

/** Whether the monitor has it exactly once. */
export async function isRecorded(id: string, database: Database): Promise<boolean> {
  const [row] = await database.query<{ count: number }>(
    `select (select count(*) from monitor.message where headers->>'id' = $1)
       + (select count(*) from monitor.quarantine where headers->>'id' = $1) as count`,
    [id],
  )
  return Number(row?.count) === 1
}
