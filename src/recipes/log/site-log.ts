import type { Logger, LogMethod } from '../../logger.ts'
import type { LoggingSetup } from '../site/logging-setup.ts'
import { levelName, levelNumber } from './levels.ts'

/** One thing that was logged. */
export interface LogRecord {
  readonly logger: string
  /** Python's number: 10 debug, 20 info, 30 warning, 40 error, 50 critical. */
  readonly level: number
  readonly sentence: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly time: Date
}

export interface LogSink {
  readonly level: number
  write(record: LogRecord): void
  close?(): Promise<void>
}

const OURS = { debug: 10, info: 20, warn: 30, error: 40 } as const

/** Where a site's configuration says nothing of logging, as Zocalo's commands set it. */
const DEFAULTS: ReadonlyMap<string, number> = new Map([
  ['', 30],
  ['workflows', 20],
  ['zocalo', 10],
])

/** Loggers by Python's dotted names, with the levels that the site's logging block gives them. */
export class SiteLog {
  readonly #setup: LoggingSetup | null
  readonly #sinks: readonly LogSink[]
  readonly #levels = new Map<string, number>()
  /** Fields that every record gets, as a front end adds what its service does. */
  extra: () => Readonly<Record<string, unknown>> = () => ({})

  constructor(setup: LoggingSetup | null, sinks: readonly LogSink[]) {
    this.#setup = setup
    this.#sinks = sinks
  }

  logger(name: string, fields: Readonly<Record<string, unknown>> = {}): Logger {
    const method = (level: keyof typeof OURS): LogMethod =>
      ((first: Readonly<Record<string, unknown>> | string, sentence?: string) => {
        if (OURS[level] < this.#levelOf(name)) return
        const given = typeof first === 'string' ? {} : first
        this.#write({
          logger: name,
          level: OURS[level],
          sentence: typeof first === 'string' ? first : (sentence ?? ''),
          fields: { ...this.extra(), ...fields, ...given },
          time: new Date(),
        })
      }) as LogMethod // both of its forms
    return {
      debug: method('debug'),
      info: method('info'),
      warn: method('warn'),
      error: method('error'),
      child: (more) => this.logger(name, { ...fields, ...more }),
    }
  }

  async close(): Promise<void> {
    for (const sink of this.#sinks) await sink.close?.()
  }

  #write(record: LogRecord): void {
    for (const sink of this.#sinks) if (record.level >= sink.level) sink.write(record)
  }

  /** The nearest name of the dotted ones that something is said of. */
  #levelOf(name: string): number {
    const known = this.#setup === null ? this.#levels.get(name) : undefined
    if (known !== undefined) return known
    const parts = name.split('.')
    const names = [
      ...parts.map((_part, index) => parts.slice(0, parts.length - index).join('.')),
      '',
    ]
    const level = names.map((one) => this.#said(one)).find((said) => said !== undefined) ?? 30
    this.#levels.set(name, level)
    return level
  }

  #said(name: string): number | undefined {
    if (this.#setup === null) return DEFAULTS.get(name)
    const level = this.#setup.levelOf(name === '' ? 'root' : name)
    return level === null ? undefined : levelNumber(level)
  }
}

/** Lines for people: time, level, logger, sentence, fields; errors with their stack. */
export function consoleSink(level: number, write: (line: string) => void): LogSink {
  return {
    level,
    write: ({ logger, level: number, sentence, fields, time }) => {
      const { err, ...others } = fields
      const shown = Object.entries(others).map(([key, value]) => ` ${key}=${fieldText(value)}`)
      const stack = err instanceof Error ? `\n${err.stack ?? err.message}` : ''
      const failure = err !== undefined && stack === '' ? ` err=${fieldText(err)}` : ''
      const at = time.toISOString().replace('T', ' ').slice(0, 23)
      write(`${at} ${levelName(number)} ${logger}: ${sentence}${shown.join('')}${failure}${stack}`)
    },
  }
}

const LONGEST_FIELD = 2000

function fieldText(value: unknown): string {
  const text = typeof value === 'string' ? value : textOf(value)
  return text.length > LONGEST_FIELD ? `${text.slice(0, LONGEST_FIELD)}…` : text
}

function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return String(value) // a circle, or a bigint
  }
}
