import type { Logger } from '../../logger.ts'

interface CrashRecordParts {
  /** Writes to the terminal, too. */
  readonly logger: Logger
  /** Waits until what was logged is on its way. */
  readonly close: () => Promise<void>
  readonly exit: (code: number) => void
}

/** An error that nothing catches still ends the process, and is the last record of the log: Graylog has it before the end. */
export function recordCrash({ logger, close, exit }: CrashRecordParts) {
  let isEnding = false
  return (error: unknown): void => {
    if (isEnding) return
    isEnding = true
    process.exitCode = 1
    logger.error({ err: error }, 'the process ends, an error was not caught')
    close().then(
      () => exit(1),
      () => exit(1),
    )
  }
}

/** For the life of the process: of a command whose log goes to servers. */
export function recordCrashes(logger: Logger, close: () => Promise<void>): void {
  const onCrash = recordCrash({ logger, close, exit: (code) => process.exit(code) })
  process.on('uncaughtException', onCrash)
}
