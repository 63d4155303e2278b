import type { Config } from '../../config/config.ts'
import type { CeleryApp } from '../../create-app.ts'
import type { Logger } from '../../logger.ts'
import { printError } from '../output/output.ts'
import { applySite } from './site-settings.ts'

/** The options that every command takes. */
export interface GlobalOptions {
  readonly app?: string
  readonly broker?: string
  readonly resultBackend?: string
  readonly debug?: boolean
  /** Environments of the site file, where there is one. */
  readonly environment?: readonly string[]
}

/** What a command is about, for warnings that concern few of them. */
interface AppUse {
  /** It consumes, declares or publishes to the queues of the config. */
  readonly usesQueues?: boolean
}

/** The app that -A names; without one, an app with no tasks of its own, configured by the environment. */
export async function openApp(options: GlobalOptions, use: AppUse = {}): Promise<CeleryApp> {
  await applySite(options.environment)
  if (options.app === undefined) {
    const { createApp } = await import('../../create-app.ts')
    return createApp(await environmentConfig(options, use))
  }
  await setUrls(options)
  const { loadApp } = await import('./load-app.ts')
  return await loadApp(options.app)
}

/** The config of that app, or of the environment and `.env`. */
export async function openConfig(options: GlobalOptions, use: AppUse = {}): Promise<Config> {
  await applySite(options.environment)
  return options.app === undefined
    ? await environmentConfig(options, use)
    : (await openApp(options)).config
}

/** A logger for a command that does one thing: it says what went wrong on the way, or all of it. */
export async function commandLogger(config: Config, options: GlobalOptions): Promise<Logger> {
  const { createLogger } = await import('../../config/logging/logging.ts')
  return await createLogger(config, { level: options.debug === true ? 'debug' : 'warn' })
}

async function environmentConfig(
  options: GlobalOptions,
  { usesQueues = false }: AppUse,
): Promise<Config> {
  const { NO_QUEUES } = await import('../../config/queues/derive-queues.ts')
  const { Config } = await import('../../config/config.ts')
  await setUrls(options)
  return new Config({
    warn: (sentence) => {
      if (usesQueues || !sentence.startsWith(NO_QUEUES)) printError(`warning: ${sentence}`)
    },
  })
}

/** The app builds its own Config, so -b and --result-backend reach it as variables, which win over its arguments. */
async function setUrls({ broker, resultBackend }: GlobalOptions): Promise<void> {
  const { setByOptions } = await import('../../config/resolve/environment.ts')
  setByOptions({
    ...(broker !== undefined && { CELERY_BROKER_URL: broker }),
    ...(resultBackend !== undefined && { CELERY_RESULT_BACKEND: resultBackend }),
  })
}
