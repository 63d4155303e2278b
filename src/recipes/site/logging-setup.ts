import { inspect } from 'node:util'
import { SiteConfigError } from '../../errors.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import type { LogRecord, LogSink } from '../log/log-record.ts'
import { LogTree } from '../log/log-tree.ts'
import type { Block } from './block-fields.ts'

/** Python's names of levels, which dictConfig takes beside numbers. */
const LEVELS: ReadonlySet<string> = new Set([
  'CRITICAL',
  'DEBUG',
  'ERROR',
  'FATAL',
  'INFO',
  'NOTSET',
  'WARN',
  'WARNING',
])

/** Keys that an incremental configuration must neither define nor attach. */
const NOT_INCREMENTAL = ['filters', 'formatters', 'handlers'] as const

/**
 * A logging block: a dictConfig of Python (https://docs.python.org/3/library/logging.config.html) with `verbose`, a
 * list of partial ones for each further `-v`.
 */
export class LoggingSetup {
  readonly #block: Block
  readonly #tree = new LogTree()
  #verbosity = 0

  /** Opens its handlers. Throws `SiteConfigError` for what Python's dictConfig would refuse. */
  constructor(block: Block) {
    checkDefinition(block, 'definition', block.incremental === true)
    const levels = block.verbose
    if (Array.isArray(levels)) levels.forEach(checkVerbose)
    this.#block = block
    this.#tree.apply(block, { isIncremental: block.incremental === true })
  }

  /** Handlers and filters that exist in Python alone. */
  get warnings(): readonly string[] {
    return this.#tree.warnings
  }

  get verbosity(): number {
    return this.#verbosity
  }

  /** Applies the entries of `verbose` up to this number, each once; it never goes back. */
  set verbosity(level: number) {
    const entries = this.#entries()
    for (const entry of entries.slice(this.#verbosity, level)) {
      this.#tree.apply(entry, { isIncremental: entry.incremental !== false })
      this.#verbosity += 1
    }
  }

  /** To the handlers of the record's logger and of those above it; `atRoot` stand at the root besides. */
  write(record: LogRecord, atRoot: readonly LogSink[]): void {
    this.#tree.write(record, atRoot)
  }

  async close(): Promise<void> {
    await this.#tree.close()
  }

  /** The level of a logger with all applied entries; null where nothing is said of it. `root` is the root logger. */
  levelOf(logger: string): string | null {
    const applied = [this.#block, ...this.#entries().slice(0, this.#verbosity)]
    const levels = applied.map((definition) => levelIn(definition, logger))
    return levels.findLast((level) => level !== null) ?? null
  }

  #entries(): readonly Block[] {
    const levels = this.#block.verbose
    return Array.isArray(levels) ? (levels as Block[]) : []
  }

  toString(): string {
    return `<LoggingConfiguration verbosity=${this.#verbosity}>`
  }

  toJSON(): string {
    return this.toString()
  }

  [inspect.custom](): string {
    return this.toString()
  }
}

function checkVerbose(entry: unknown, index: number): void {
  const what = `verbosity level ${index + 1} definition`
  if (!isRecord(entry)) {
    throw new SiteConfigError(`Logging configuration error: ${what} is not a dictionary`, {
      category: 'verbosity-not-dictionary',
    })
  }
  if (entry.incremental !== false) checkIncremental(entry, what)
}

function checkDefinition(block: Block, what: string, isIncremental: boolean): void {
  if (isIncremental) checkIncremental(block, what)
  for (const definition of [block.root, ...loggersOf(block)]) checkLevel(definition)
}

function checkIncremental(block: Block, what: string): void {
  const places = [block, block.root, ...loggersOf(block)]
  const isForbidden = places.some(
    (place) => isRecord(place) && NOT_INCREMENTAL.some((key) => Object.hasOwn(place, key)),
  )
  if (!isForbidden) return
  throw new SiteConfigError(
    `Logging configuration error: ${what} defines items not allowed in an incremental definition`,
    { category: 'incremental-logging' },
  )
}

function checkLevel(definition: unknown): void {
  const level = isRecord(definition) ? definition.level : undefined
  if (level === undefined || level === null || typeof level === 'number') return
  if (typeof level === 'string' && LEVELS.has(level)) return
  throw new SiteConfigError(
    `Unknown level: ${JSON.stringify(level)}; expected one of ${[...LEVELS].join(', ')}, or a number`,
    { category: 'ValueError', pythonClass: 'ValueError' },
  )
}

function levelIn(definition: Block, logger: string): string | null {
  const loggers = isRecord(definition.loggers) ? definition.loggers : {}
  const entry = logger === 'root' ? definition.root : loggers[logger]
  const level = isRecord(entry) ? entry.level : null
  return level === undefined || level === null ? null : String(level)
}

function loggersOf(block: Block): unknown[] {
  return isRecord(block.loggers) ? Object.values(block.loggers) : []
}
