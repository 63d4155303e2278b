import type { FauxqsServer } from 'fauxqs'
import { onTestFinished } from 'vitest'
import { Config, type ConfigOptions } from '../../src/config/config.ts'
import { type CeleryApp, createApp } from '../../src/create-app.ts'
import type { Database } from '../../src/database/database.ts'
import type { Logger } from '../../src/logger.ts'
import { Monitor } from '../../src/monitor/monitor.ts'
import { type SqsSpace, sqsSpace } from '../brokers/sqs/fauxqs.ts'
import { Ledger } from './ledger.ts'
import { keepAccounts, migratedDatabase } from './live-app.ts'
import { freshDatabase } from './postgres.ts'
import { keepLedger } from './run-ledger.ts'

/** Queues on fauxqs and a database of one test's own. */
export interface SqsPlace {
  readonly space: SqsSpace
  readonly databaseUrl: string
  /** For Python's toolbox_app. */
  readonly env: Readonly<Record<string, string>>
  readonly queues: readonly string[]
  /** What the tasks themselves say that they did: compared with the record where a monitor runs. */
  readonly ledger: Ledger
}

const WAIT = { wait_time_seconds: 1 }

export async function freshSqsPlace(
  queues: readonly string[] = ['export', 'python'],
): Promise<SqsPlace> {
  const [space, databaseUrl] = await Promise.all([sqsSpace(), freshDatabase()])
  const options = {
    region: 'us-west-2',
    queue_name_prefix: space.prefix,
    is_secure: false,
    wait_time_seconds: 1,
    polling_interval: 0.1,
  }
  const ledger = new Ledger()
  const env = {
    RUN_LEDGER: ledger.file,
    AMQP_URL: space.url,
    TRANSPORT_OPTIONS: JSON.stringify(options),
    DATABASE_URL: databaseUrl,
    QUEUES: queues.join(','),
    AWS_DEFAULT_REGION: 'us-west-2',
  }
  return { space, databaseUrl, env, queues, ledger }
}

/** Results are kept in the database of the place; closed when the test ends. */
export function sqsApp(
  { space, databaseUrl, queues, ledger }: SqsPlace,
  settings: Partial<ConfigOptions> = {},
  options: { readonly logger?: Logger } = {},
): CeleryApp {
  const config = new Config({
    queues,
    QUEUE_PREFIX: space.prefix.slice(0, -1),
    broker_url: space.url,
    broker_transport_options: WAIT,
    result_backend: resultBackend(databaseUrl),
    dotenv: false,
    environment: {},
    ...settings,
  })
  const app = createApp(config, options)
  keepLedger(app, ledger.file)
  onTestFinished(() => app.close())
  return app
}

/** For an app of ours in a process of its own, which is configured by CELERY_*. */
export function sqsProcess(
  { space, databaseUrl, queues }: SqsPlace,
  options: Readonly<Record<string, unknown>> = {},
): { readonly env: Readonly<Record<string, string>> } {
  return {
    env: {
      CELERY_BROKER_URL: space.url,
      CELERY_RESULT_BACKEND: resultBackend(databaseUrl),
      CELERY_QUEUES: JSON.stringify(queues),
      CELERY_QUEUE_PREFIX: space.prefix.slice(0, -1),
      CELERY_BROKER_TRANSPORT_OPTIONS: JSON.stringify({ ...WAIT, ...options }),
    },
  }
}

/** With its driver named, as Python takes it too. */
export function resultBackend(databaseUrl: string): string {
  return databaseUrl.replace(/^postgres(?:ql)?:/, 'db+postgresql+psycopg2:')
}

/** A monitor that records what goes through these queues; answers the migrated database. */
export async function monitoredSqs(
  place: SqsPlace,
  settings: Partial<ConfigOptions> = {},
): Promise<Database> {
  const database = await migratedDatabase(place.databaseUrl)
  const app = sqsApp(place, settings)
  const monitor = new Monitor({ broker: app.broker(), database, config: app.config })
  await monitor.start()
  onTestFinished(() => monitor.stop())
  keepAccounts(place, database)
  return database
}

type Waiting = NonNullable<ReturnType<FauxqsServer['inspectQueue']>>['messages']['ready']

export function readyIn({ space }: SqsPlace, queue: string): Waiting {
  return space.server.inspectQueue(space.nameOf(queue))?.messages.ready ?? []
}
