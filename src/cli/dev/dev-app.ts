import { Config } from '../../config/config.ts'
import { readEnvironment, setByOptions } from '../../config/resolve/environment.ts'
import type { CeleryApp } from '../../create-app.ts'
import type { Database } from '../../database/database.ts'
import { UsageError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { type Demo, demoApp } from '../app/demo-app.ts'
import { loadApp } from '../app/load-app.ts'
import type { DevOptions } from './dev-options.ts'

const MEMORY_BROKER = 'memory://dev'
/** Long polls of a demonstration end soon, so that it does. */
const DEV_SQS_OPTIONS = { wait_time_seconds: 1 }

interface DevPlace {
  readonly database: Database
  readonly logger: Logger
}

/** The demonstration, or the app that -A names, with its results in the database of the monitor. */
export async function devApp(
  options: DevOptions,
  { database, logger }: DevPlace,
): Promise<{ readonly app: CeleryApp; readonly demo?: Demo }> {
  const backend = `db+${database.url}`
  if (options.app !== undefined) {
    const app = await ownApp(options.app, options, backend)
    app.useLogger(logger)
    return { app }
  }
  const config = new Config({
    queues: ['export'],
    broker_url: options.broker ?? MEMORY_BROKER,
    ...(isSqs(options.broker) && { broker_transport_options: DEV_SQS_OPTIONS }),
    result_backend: options.resultBackend ?? backend,
    // The demonstration is the same wherever it runs.
    dotenv: false,
    environment: {},
  })
  const demo = demoApp(config, { logger })
  return { app: demo.app, demo }
}

async function ownApp(place: string, options: DevOptions, backend: string): Promise<CeleryApp> {
  const hasBroker = readEnvironment({}, []).find('CELERY_BROKER_URL') !== undefined
  const broker = options.broker ?? (hasBroker ? undefined : MEMORY_BROKER)
  setByOptions({
    ...(broker !== undefined && { CELERY_BROKER_URL: broker }),
    CELERY_RESULT_BACKEND: options.resultBackend ?? backend,
  })
  const app = await loadApp(place)
  if (app.config.source('result_backend') === 'argument' && options.database === undefined) {
    throw new UsageError(
      `"${place}" gives result_backend to its Config itself, so its results would not be in the embedded database: ` +
        'name its database with --database, or leave result_backend to the environment',
    )
  }
  return app
}

function isSqs(broker: string | undefined): boolean {
  return broker !== undefined && /^sqs:\/\//i.test(broker)
}
