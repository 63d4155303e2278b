import { onTestFinished } from 'vitest'
import { openBroker } from '../../src/brokers/open-broker.ts'
import { Config, type ConfigOptions } from '../../src/config/config.ts'
import { type CeleryApp, createApp } from '../../src/create-app.ts'
import type { Database } from '../../src/database/database.ts'
import { migrateUp } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import type { Logger } from '../../src/logger.ts'
import { Monitor } from '../../src/monitor/monitor.ts'
import { Ledger } from './ledger.ts'
import { freshDatabase } from './postgres.ts'
import { freshVhost, type Vhost } from './rabbitmq.ts'
import { account, keepLedger } from './run-ledger.ts'
import { waitFor } from './wait-for.ts'

/** A virtual host and a database of one test's own, and how processes are told of them. */
export interface Servers {
  readonly vhost: Vhost
  readonly databaseUrl: string
  /** The work queues of both languages. */
  readonly queues: readonly string[]
  /** For Python's toolbox_app, and for apps that are configured by CELERY_*. */
  readonly env: Readonly<Record<string, string>>
  /** What the tasks themselves say that they did: compared with the record where a monitor runs. */
  readonly ledger?: Ledger
}

export async function freshServers(
  queues: readonly string[] = ['export', 'python'],
): Promise<Servers> {
  const [vhost, databaseUrl] = await Promise.all([freshVhost(), freshDatabase()])
  const ledger = new Ledger()
  const env = {
    RUN_LEDGER: ledger.file,
    AMQP_URL: vhost.url,
    DATABASE_URL: databaseUrl,
    QUEUES: queues.join(','),
    CELERY_BROKER_URL: vhost.url,
    CELERY_RESULT_BACKEND: resultBackend(databaseUrl),
    CELERY_QUEUES: JSON.stringify(queues),
  }
  return { vhost, databaseUrl, queues, env, ledger }
}

/** An app on these servers, with results in the database; closed when the test ends. */
export function liveApp(
  { vhost, databaseUrl, queues, ledger }: Servers,
  settings: Partial<ConfigOptions> = {},
  options: { readonly logger?: Logger } = {},
): CeleryApp {
  const config = new Config({
    queues,
    broker_url: vhost.url,
    broker_transport_options: vhost.transportOptions ?? {},
    result_backend: resultBackend(databaseUrl),
    dotenv: false,
    environment: {},
    ...settings,
  })
  const app = createApp(config, options)
  if (ledger !== undefined) keepLedger(app, ledger.file)
  onTestFinished(async () => {
    await app.close()
  })
  return app
}

/**
 * A monitor that records everything on these servers; answers the migrated database it writes to. When the test ends, the
 * record must agree with what tasks wrote into the ledger; `mayRunAgain`: where workers are killed in the middle.
 */
export async function startMonitor(
  { vhost, databaseUrl, queues, ledger }: Servers,
  { mayRunAgain = false }: { readonly mayRunAgain?: boolean } = {},
): Promise<Database> {
  const database = await migratedDatabase(databaseUrl)
  const broker = openBroker(vhost)
  onTestFinished(() => broker.close())
  const config = new Config({ queues, broker_url: vhost.url, dotenv: false, environment: {} })
  const monitor = new Monitor({ broker, database, config })
  await monitor.start()
  onTestFinished(() => monitor.stop())
  keepAccounts({ ledger }, database, { mayRunAgain })
  return database
}

/** When the test ends, the record must agree with what tasks wrote into the ledger. */
export function keepAccounts(
  { ledger }: { readonly ledger?: Ledger | undefined },
  database: Database,
  { mayRunAgain = false }: { readonly mayRunAgain?: boolean } = {},
): void {
  if (ledger !== undefined)
    onTestFinished(() => account(database, () => ledger.lines(), { mayRunAgain }))
}

export async function migratedDatabase(url: string): Promise<Database> {
  const database = await openDatabase({ url })
  onTestFinished(() => database.close())
  await migrateUp(database)
  return database
}

/** A row of monitor.task_history, as far as tests look. */
export interface History {
  readonly task_id: string
  readonly name: string
  readonly status: string
  readonly result: unknown
  readonly exception: string | null
}

/** The history of these tasks, once all of them have come to an end; in the order of the ids. */
export async function finishedHistory(
  database: Database,
  ids: readonly string[],
): Promise<readonly (History | undefined)[]> {
  const rows = await waitFor(`the end of ${ids.length} tasks in the history`, async () => {
    const found = await database.query<History>(
      `select task_id, name, status, result, exception from monitor.task_history
       where task_id = any($1) and status in ('SUCCESS', 'FAILURE', 'REVOKED')`,
      [ids],
    )
    return found.length === ids.length && found
  })
  return ids.map((id) => rows.find((row) => row.task_id === id))
}

/** With its driver named, as Python takes CELERY_RESULT_BACKEND too, and no default fits both of its versions. */
function resultBackend(databaseUrl: string): string {
  return databaseUrl.replace(/^postgres(?:ql)?:/, 'db+postgresql+psycopg2:')
}
