import type { Config } from '../config/config.ts'
import type { Logging } from '../config/logging/logging.ts'
import { systemdVariables } from '../config/resolve/environment.ts'
import { type Runnable, runUntilStopped } from '../lifecycle/run-until-stopped.ts'
import type { SignalRules, StopHow, StopKind } from '../lifecycle/stop-on-signals.ts'
import { Systemd } from '../lifecycle/systemd.ts'
import { printError } from './output/output.ts'

interface RunServiceOptions {
  /** What the service is called when it says that it stops. */
  readonly name: string
  readonly graceSeconds?: number | undefined
  readonly endsByItself?: boolean
  readonly onStarted?: () => void
  /** What signals mean, where not as to every service. */
  readonly rules?: SignalRules
  /** How long a soft stop lets tasks run; undefined: it is a cold one. */
  readonly soft?: StopHow | undefined
}

/**
 * Runs a service in the foreground until SIGTERM or Ctrl-C: once warmly, twice coldly, which is exit code 1; or by rules of
 * its own. Answers the signals that came. Where systemd has started it (`Type=notify`), systemd is notified.
 */
export async function runService(
  service: Runnable,
  options: RunServiceOptions,
): Promise<readonly NodeJS.Signals[]> {
  const { name, graceSeconds, endsByItself = false, onStarted, rules, soft } = options
  const came: NodeJS.Signals[] = []
  const systemd = new Systemd({
    variables: systemdVariables(),
    onProblem: ({ message }) => printError(`${name}: systemd could not be notified: ${message}`),
  })
  const kind = await runUntilStopped(service, {
    endsByItself,
    rules,
    soft,
    graceMs: graceSeconds === undefined ? undefined : graceSeconds * 1_000,
    onStarted: () => {
      systemd.ready('running')
      onStarted?.()
    },
    onSignal: (signal, how) => {
      came.push(signal)
      const sentence = sentenceOf(how, {
        soft,
        isOnce: rules !== undefined && signal === 'SIGTERM',
      })
      printError(`${name}: ${sentence}`)
      // The first signal decides what comes of it: SIGHUP starts the service anew.
      const [status = ''] = sentence.split(' (')
      if (came.length === 1 && signal === 'SIGHUP') systemd.reloading(status)
      else if (how !== 'none') systemd.stopping(status)
    },
  })
  await systemd.close()
  if (kind === 'cold' || kind === 'soft') process.exitCode = 1
  return came
}

interface SentenceParts {
  readonly soft: StopHow | undefined
  /** The same signal again changes nothing, as in Celery's worker. */
  readonly isOnce: boolean
}

function sentenceOf(kind: StopKind, { soft, isOnce }: SentenceParts): string {
  switch (kind) {
    case 'warm':
      return `Warm shutdown (${isOnce ? 'SIGQUIT stops it at once' : 'again to stop at once'})`
    case 'soft':
      if (soft === undefined) return 'Cold shutdown, what runs is abandoned'
      return `Soft shutdown, what runs has ${(soft.graceMs ?? 0) / 1_000} s (again to stop at once)`
    case 'cold':
      return 'Cold shutdown, what runs is abandoned'
    case 'none':
      return 'It stops already (SIGQUIT stops it at once)'
  }
}

/** Logs as the config says, to Sentry too where it is on. */
export async function serviceLogging(config: Config, level: string): Promise<Logging> {
  const { setupLogging } = await import('../config/logging/logging.ts')
  const { reportingLogger, setupSentry } = await import('../config/logging/sentry.ts')
  const { withSiteLogging } = await import('./app/site-settings.ts')
  const verbosity = level === 'debug' ? Number.POSITIVE_INFINITY : 0
  const logging = await withSiteLogging(await setupLogging(config, { level }), verbosity)
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
