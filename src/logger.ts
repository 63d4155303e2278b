/** Fields first, then a fixed sentence: `log.warn({ queue, attempt }, 'queue gone, declaring it again')`. */
export interface LogMethod {
  (fields: Readonly<Record<string, unknown>>, sentence: string): void
  (sentence: string): void
}

/**
 * What the toolbox writes its log to; pino fulfils it as it is.
 * debug is a step, info a change of state, warn a recovery, error something a person must act on.
 */
export interface Logger {
  readonly debug: LogMethod
  readonly info: LogMethod
  readonly warn: LogMethod
  readonly error: LogMethod
  child(fields: Record<string, unknown>): Logger
}

/** Writes nothing: the default of a library that was given no logger. */
export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silentLogger,
}

function nothing(): void {
  // A silent logger says nothing, on purpose.
}
