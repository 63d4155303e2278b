import { Config } from '../../config/config.ts'
import { createLogger } from '../../config/logging/logging.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import type { DevOptions } from './dev-options.ts'

interface DevLogger {
  readonly worker: Logger
  readonly monitor: Logger
}

/** The demonstration's tasks fail on purpose, so its worker is silent unless a log is asked for. */
export async function devLogger(options: DevOptions): Promise<DevLogger> {
  const config = new Config({ queues: ['export'], dotenv: false, environment: {} })
  const level = options.debug === true ? 'debug' : options.loglevel
  const isDemo = options.app === undefined
  const shown = await createLogger(config, { level: level ?? (isDemo ? 'warn' : 'info') })
  return { worker: isDemo && level === undefined ? silentLogger : shown, monitor: shown }
}
