import { ConfigError } from '../../errors.ts'
import type { Logger, LogMethod } from '../../logger.ts'
import type { Config } from '../config.ts'

/** Where failures are reported to. */
export interface ErrorReporter {
  report(error: unknown, context: Readonly<Record<string, unknown>>): void
  /** Resolves once what was reported has been sent, or after two seconds. */
  flush(): Promise<void>
}

const FLUSH_MS = 2000

/** Reports to Sentry where SETUP_SENTRY_LOGGING is on; null where it is off. */
export async function setupSentry(config: Config): Promise<ErrorReporter | null> {
  if (!config.SETUP_SENTRY_LOGGING) return null
  const { SENTRY_DSN: dsn } = config
  if (dsn === null || dsn === '') {
    throw new ConfigError(['SETUP_SENTRY_LOGGING: True needs SENTRY_DSN, expected both'])
  }
  const sentry = await loadSentry()
  const {
    SENTRY_NAME: serverName,
    SENTRY_ENVIRONMENT: environment,
    SENTRY_RELEASE: release,
  } = config
  sentry.init({
    dsn,
    ...(serverName === null ? {} : { serverName }),
    ...(environment === null ? {} : { environment }),
    ...(release === null ? {} : { release }),
  })
  return {
    report: (error, context) => {
      sentry.captureException(error, { extra: { ...context } })
    },
    flush: async () => {
      await sentry.flush(FLUSH_MS)
    },
  }
}

/** The logger, its errors reported as well: the error in the fields, else the sentence as one. */
export function reportingLogger(logger: Logger, reporter: ErrorReporter): Logger {
  const error: LogMethod = (fields: unknown, sentence?: string) => {
    if (typeof fields === 'string') {
      logger.error(fields)
      reporter.report(new Error(fields), {})
      return
    }
    // LogMethod has two forms only: text alone, or fields and text.
    const named = fields as Readonly<Record<string, unknown>>
    logger.error(named, sentence ?? '')
    reporter.report(named.err ?? named.error ?? new Error(sentence), { ...named, sentence })
  }
  return {
    debug: logger.debug.bind(logger),
    info: logger.info.bind(logger),
    warn: logger.warn.bind(logger),
    error,
    child: (fields) => reportingLogger(logger.child(fields), reporter),
  }
}

async function loadSentry(): Promise<typeof import('@sentry/node')> {
  try {
    return await import('@sentry/node')
  } catch (cause) {
    throw new ConfigError(
      [
        'SETUP_SENTRY_LOGGING: True needs the package @sentry/node, expected: npm install @sentry/node',
      ],
      { cause },
    )
  }
}
