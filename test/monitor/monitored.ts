import { onTestFinished } from 'vitest'
import type { Broker } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open-broker.ts'
import type { Database } from '../../src/database/database.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { Monitor } from '../../src/monitor/monitor.ts'
import type { MonitorOptions } from '../../src/monitor/monitor-options.ts'
import type { Message, Route } from '../../src/protocol/message.ts'
import { migratedDatabase } from '../support/postgres.ts'
import { freshVhost, type Vhost } from '../support/rabbitmq.ts'
import { waitFor } from '../support/wait-for.ts'
import { config, EXPORT } from './messages.ts'

/** A broker of a test's own, and a database with our tables, both closed when the test is done. */
export interface Place {
  readonly vhost: Vhost
  readonly broker: Broker
  readonly database: Database
  publish(messages: readonly Message[], route?: Route): Promise<void>
  /** Messages waiting in the platform queue. */
  waiting(): Promise<number>
}

export async function openPlace(): Promise<Place> {
  const [vhost, url] = [await freshVhost(), await migratedDatabase()]
  const broker = openBroker(vhost)
  onTestFinished(() => broker.close())
  const database = await openDatabase({ url })
  onTestFinished(() => database.close())
  await broker.declare(config.topology())
  return {
    vhost,
    broker,
    database,
    publish: (messages, route = EXPORT) =>
      broker.publishMany(messages.map((message) => ({ message, route }))),
    waiting: async () => (await broker.depth(config.platformQueue)).messages,
  }
}

/** A monitor over a connection of its own, as in a process of its own. */
export async function startMonitor(
  place: Place,
  options: Partial<MonitorOptions> = {},
): Promise<Monitor> {
  const broker = openBroker(place.vhost)
  onTestFinished(() => broker.close())
  const monitor = new Monitor({ broker, database: place.database, config, ...options })
  onTestFinished(() => monitor.stop({ graceMs: 0 }))
  await monitor.start()
  return monitor
}

/** Resolves once the monitors together have recorded so many messages. */
export async function recorded(monitors: readonly Monitor[], count: number): Promise<void> {
  await waitFor(`${count} recorded messages`, () => {
    const stats = monitors.map((monitor) => monitor.stats())
    return stats.reduce((sum, { messages }) => sum + messages, 0) >= count
  })
}

/** Resolves once everything that was published is recorded and acked. */
export async function settled(place: Place, rows: number): Promise<void> {
  await waitFor(`${rows} rows`, async () => (await counts(place.database)).every >= rows)
}

export async function counts(database: Database): Promise<{
  tasks: number
  messages: number
  quarantined: number
  every: number
}> {
  const [row] = await database.query<{ tasks: number; messages: number; quarantined: number }>(
    `select (select count(*) from monitor.task) as tasks, (select count(*) from monitor.message) as messages,
       (select count(*) from monitor.quarantine) as quarantined`,
  )
  const { tasks = 0, messages = 0, quarantined = 0 } = row ?? {}
  return { tasks, messages, quarantined, every: messages + quarantined }
}
