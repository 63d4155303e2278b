import { isError } from '../../as-error.ts'
import { errorParts } from '../../config/logging/logged-error.ts'
import type { Logger, LogMethod } from '../../logger.ts'
import { spanFields } from '../../telemetry/traces/active-span.ts'
import type { LoggingSetup } from '../site/logging-setup.ts'
import { levelNumber } from './levels.ts'
import type { LogRecord, LogSink } from './log-record.ts'
import { namesUpwards } from './log-tree.ts'

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
  readonly #defaults: ReadonlyMap<string, number>
  readonly #levels = new Map<string, number>()
  readonly #services = new Set<string>()
  /** What a front end adds to every record: what its service does. */
  extra: () => Readonly<Record<string, unknown>> = () => ({})

  constructor(
    setup: LoggingSetup | null,
    sinks: readonly LogSink[],
    { isDebugging = false }: { readonly isDebugging?: boolean } = {},
  ) {
    this.#setup = setup
    this.#sinks = sinks
    this.#defaults = isDebugging ? new Map([...DEFAULTS, ['workflows', OURS.debug]]) : DEFAULTS
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
          fields: withShownFailure({ ...fields, ...given }),
          extra: { ...this.extra(), ...spanFields() },
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

  /** A service's own: as in Zocalo all of it goes to the handlers, unless the site has a level for this very logger or its parents. */
  serviceLogger(name: string): Logger {
    this.#services.add(name)
    return this.logger(name)
  }

  /** Ends what was opened: what is on its way to a server is waited for, a second at most. */
  async close(): Promise<void> {
    await this.#setup?.close()
    for (const sink of this.#sinks) await sink.close?.()
  }

  #write(record: LogRecord): void {
    if (this.#setup !== null) this.#setup.write(record, this.#sinks)
    else for (const sink of this.#sinks) if (record.level >= sink.level) sink.write(record)
  }

  /** The nearest name of the dotted ones that something is said of. */
  #levelOf(name: string): number {
    const known = this.#setup === null ? this.#levels.get(name) : undefined
    if (known !== undefined) return known
    const isService = this.#services.has(name)
    const names = isService ? this.#namedBySite(name) : namesUpwards(name)
    const said = names.map((one) => this.#said(one)).find((one) => one !== undefined)
    const level = said ?? (isService ? OURS.debug : OURS.warn)
    this.#levels.set(name, level)
    return level
  }

  #namedBySite(name: string): readonly string[] {
    return this.#setup === null ? [] : namesUpwards(name).filter((one) => one !== '')
  }

  #said(name: string): number | undefined {
    if (this.#setup === null) return this.#defaults.get(name)
    const level = this.#setup.levelOf(name === '' ? 'root' : name)
    return level === null ? undefined : levelNumber(level)
  }
}

/** The error as every log of ours shows it: without secrets, cut, and with texts where it may have none. */
function withShownFailure(fields: LogRecord['fields']): LogRecord['fields'] {
  const { err } = fields
  if (!isError(err)) return fields
  const { type, message, stack = `${type}: ${message}` } = errorParts(err)
  return { ...fields, err: Object.assign(new Error(message), { name: type, stack }) }
}
