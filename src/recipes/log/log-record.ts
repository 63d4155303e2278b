/** One thing that was logged. */
export interface LogRecord {
  readonly logger: string
  /** Python's number: 10 debug, 20 info, 30 warning, 40 error, 50 critical. */
  readonly level: number
  readonly sentence: string
  readonly fields: Readonly<Record<string, unknown>>
  /** What a front end says of its service: not for the console. */
  readonly extra: Readonly<Record<string, unknown>>
  readonly time: Date
}

/** Where records go: a console, a file, a Graylog server. */
export interface LogSink {
  readonly level: number
  /** Never throws: a log that cannot be written is no reason to stop. */
  write(record: LogRecord): void
  close?(): Promise<void>
}

/** The record as the filter passes it, or null where it is dropped. */
export type LogFilter = (record: LogRecord) => LogRecord | null

/** A record after all filters; null once one has dropped it. */
export function filtered(record: LogRecord, filters: readonly LogFilter[]): LogRecord | null {
  let passed: LogRecord | null = record
  for (const filter of filters) passed = passed === null ? null : filter(passed)
  return passed
}
