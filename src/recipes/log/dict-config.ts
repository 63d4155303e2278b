import { SiteConfigError } from '../../errors.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import { graylogSink } from './graylog-sink.ts'
import { levelNumber } from './levels.ts'
import { fileSink, streamSink } from './line-sinks.ts'
import { downgradeFilter, nameFilter } from './log-filters.ts'
import { lineFormat } from './log-format.ts'
import { filtered, type LogFilter, type LogSink } from './log-record.ts'

type Block = Readonly<Record<string, unknown>>

/** What a dictConfig defines by name, for its loggers to name. */
interface Defined {
  readonly sinks: ReadonlyMap<string, LogSink>
  readonly filters: ReadonlyMap<string, LogFilter>
  /** Kinds that are Python's alone. */
  readonly warnings: readonly string[]
}

const ZOCALO = 'zocalo.configuration.plugin_logging.'

/**
 * Handlers and filters of a dictConfig (https://docs.python.org/3/library/logging.config.html). Kinds that exist in
 * Python alone are left out with a warning. Throws `SiteConfigError` for references to what is not defined.
 */
export function definedIn(block: Block): Defined {
  const warnings: string[] = []
  const filters = new Map<string, LogFilter>()
  for (const [name, given] of entriesOf(block.filters)) {
    const filter = filterOf(given)
    if (filter === null)
      warnings.push(`logging filter '${name}': there is no ${kindOf(given)} here`)
    filters.set(name, filter ?? ((record) => record))
  }
  const sinks = new Map<string, LogSink>()
  for (const [name, given] of entriesOf(block.handlers)) {
    const sink = sinkOf(given, formatterOf(block, name, given))
    if (sink === null) warnings.push(`logging handler '${name}': there is no ${kindOf(given)} here`)
    const own = namedIn(given, 'filters').map((filter) => found(filters, filter, 'filter'))
    sinks.set(name, withRules(sink ?? NOWHERE, given, own))
  }
  return { sinks, filters, warnings }
}

/** The names in a list such as `handlers` or `filters` of a handler or logger. */
export function namedIn(block: Block, key: 'filters' | 'handlers'): readonly string[] {
  const names = block[key]
  return Array.isArray(names) ? names.map(String) : []
}

export function found<T>(defined: ReadonlyMap<string, T>, name: string, what: string): T {
  const one = defined.get(name)
  if (one !== undefined) return one
  throw valueError(`there is no logging ${what} '${name}'; there are: ${[...defined.keys()]}`)
}

const NOWHERE: LogSink = { level: 0, write: () => undefined }

function withRules(sink: LogSink, block: Block, filters: readonly LogFilter[]): LogSink {
  const { level } = block
  return {
    level: level === undefined || level === null ? 0 : levelNumber(String(level)),
    write: (record) => {
      const passed = filtered(record, filters)
      if (passed !== null) sink.write(passed)
    },
    close: async () => await sink.close?.(),
  }
}

function sinkOf(block: Block, lineOf: ReturnType<typeof lineFormat>): LogSink | null {
  switch (kindOf(block)) {
    case 'logging.NullHandler':
      return NOWHERE
    case 'logging.StreamHandler':
      return streamSink(String(block.stream).endsWith('stdout') ? 'stdout' : 'stderr', lineOf)
    case 'logging.FileHandler':
    case 'logging.handlers.WatchedFileHandler':
    case 'logging.handlers.RotatingFileHandler':
      return fileSink(
        {
          filename: requiredText(block, 'filename'),
          mode: String(block.mode ?? 'a'),
          maxBytes: Number(block.maxBytes ?? 0),
          backupCount: Number(block.backupCount ?? 0),
        },
        lineOf,
      )
    case `${ZOCALO}GraylogUDPHandler`:
    case 'graypy.GELFUDPHandler':
      return graylogSink({ protocol: 'UDP', ...placeOf(block) })
    case `${ZOCALO}GraylogTCPHandler`:
    case 'graypy.GELFTCPHandler':
      return graylogSink({ protocol: 'TCP', ...placeOf(block) })
    default:
      return null
  }
}

function filterOf(block: Block): LogFilter | null {
  switch (kindOf(block)) {
    case 'logging.Filter':
      return nameFilter(String(block.name ?? ''))
    case `${ZOCALO}DowngradeFilter`:
      return downgradeFilter(block)
    default:
      return null
  }
}

/** Python's name of it: a class, or a factory under `()`. */
function kindOf(block: Block): string {
  const kind = block['()'] ?? block.class
  if (kind === undefined)
    return 'name' in block || Object.keys(block).length === 0 ? 'logging.Filter' : 'kind'
  return String(kind).replace(/^ext:\/\//, '')
}

function formatterOf(
  block: Block,
  handler: string,
  { formatter }: Block,
): ReturnType<typeof lineFormat> {
  if (formatter === undefined || formatter === null) return lineFormat({})
  const formatters = new Map(entriesOf(block.formatters))
  const { format, datefmt, style } = found(formatters, String(formatter), 'formatter')
  if (style !== undefined && !['%', '{', '$'].includes(String(style))) {
    throw valueError(`logging handler '${handler}': Style must be one of: %,{,$`)
  }
  return lineFormat({
    ...(typeof format === 'string' && { format }),
    ...(typeof datefmt === 'string' && { datefmt }),
    ...(typeof style === 'string' && { style }),
  })
}

function placeOf(block: Block): { host: string; port: number } {
  return { host: requiredText(block, 'host'), port: Number(block.port) }
}

function requiredText(block: Block, key: string): string {
  const value = block[key]
  if (typeof value === 'string' && value !== '') return value
  throw valueError(`a logging handler of the kind ${kindOf(block)} needs ${key}`)
}

function entriesOf(given: unknown): [string, Block][] {
  if (!isRecord(given)) return []
  return Object.entries(given).map(([name, block]) => {
    if (isRecord(block)) return [name, block]
    throw valueError(`the logging definition of '${name}' is not a dictionary`)
  })
}

function valueError(message: string): SiteConfigError {
  return new SiteConfigError(message, { category: 'ValueError', pythonClass: 'ValueError' })
}
