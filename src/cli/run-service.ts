import type { Config } from '../config/config.ts'
import type { Logging } from '../config/logging.ts'
import { type Runnable, runUntilStopped } from '../lifecycle/run-until-stopped.ts'
import { printError } from './output.ts'

export interface RunServiceOptions {
  /** What the service is called when it says that it stops. */
  readonly name: string
  readonly graceSeconds?: number | undefined
  readonly endsByItself?: boolean
  readonly onStarted?: () => void
}

/** Runs a service in the foreground until SIGTERM or Ctrl-C: once warmly, twice coldly, which is exit code 1. */
export async function runService(service: Runnable, options: RunServiceOptions): Promise<void> {
  const { name, graceSeconds, endsByItself = false, onStarted } = options
  const kind = await runUntilStopped(service, {
    endsByItself,
    graceMs: graceSeconds === undefined ? undefined : graceSeconds * 1_000,
    ...(onStarted !== undefined && { onStarted }),
    onSignal: (_signal, how) =>
      printError(
        how === 'warm'
          ? `${name}: Warm shutdown (again to stop at once)`
          : `${name}: Cold shutdown, what runs is abandoned`,
      ),
  })
  if (kind === 'cold') process.exitCode = 1
}

/** Logs as the config says, to Sentry too where it is on. */
export async function serviceLogging(config: Config, level: string): Promise<Logging> {
  const { setupLogging } = await import('../config/logging.ts')
  const { reportingLogger, setupSentry } = await import('../config/sentry.ts')
  const logging = await setupLogging(config, { level })
  const reporter = await setupSentry(config)
  if (reporter === null) return logging
  const close = async (): Promise<void> => {
    await reporter.flush()
    await logging.close()
  }
  return {
    logger: reportingLogger(logging.logger, reporter),
    close,
    [Symbol.asyncDispose]: close,
  }
}
