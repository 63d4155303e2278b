import { isRecord } from '../../protocol/field-readers.ts'
import { definedIn, found, namedIn } from './dict-config.ts'
import { filtered, type LogFilter, type LogRecord, type LogSink } from './log-record.ts'

type Block = Readonly<Record<string, unknown>>

interface Node {
  readonly sinks: readonly LogSink[]
  readonly filters: readonly LogFilter[]
  readonly isPropagating: boolean
}

const BARE: Node = { sinks: [], filters: [], isPropagating: true }

/** Where the records of each logger go, by the definitions that were applied. The root logger has no name. */
export class LogTree {
  readonly #nodes = new Map<string, Node>()
  readonly #opened = new Set<LogSink>()
  readonly warnings: string[] = []

  /** An incremental definition opens nothing: it changes levels, and whether records are passed to the logger above. */
  apply(definition: Block, { isIncremental }: { readonly isIncremental: boolean }): void {
    const loggers = loggersOf(definition)
    if (isIncremental) {
      for (const [name, block] of loggers) this.#propagate(name, block)
      return
    }
    const { sinks, filters, warnings } = definedIn(definition)
    this.warnings.push(...warnings)
    for (const sink of sinks.values()) this.#opened.add(sink)
    for (const [name, block] of loggers) {
      this.#nodes.set(name, {
        sinks: namedIn(block, 'handlers').map((sink) => found(sinks, sink, 'handler')),
        filters: namedIn(block, 'filters').map((filter) => found(filters, filter, 'filter')),
        isPropagating: block.propagate !== false,
      })
    }
  }

  /** To the sinks of the record's logger and of those above it; `atRoot` stand at the root logger besides. */
  write(record: LogRecord, atRoot: readonly LogSink[]): void {
    const passed = filtered(record, this.#nodes.get(record.logger)?.filters ?? [])
    if (passed === null) return
    for (const name of namesUpwards(record.logger)) {
      const { sinks, isPropagating } = this.#nodes.get(name) ?? BARE
      writeTo(name === '' ? [...sinks, ...atRoot] : sinks, passed)
      if (!isPropagating) return
    }
  }

  async close(): Promise<void> {
    for (const sink of this.#opened) await sink.close?.()
  }

  #propagate(name: string, { propagate }: Block): void {
    const node = this.#nodes.get(name) ?? BARE
    if (typeof propagate === 'boolean') {
      this.#nodes.set(name, { ...node, isPropagating: propagate })
    }
  }
}

/** `a.b.c`, `a.b`, `a`, and the root. */
export function namesUpwards(name: string): string[] {
  if (name === '') return ['']
  const parts = name.split('.')
  return [...parts.map((_part, index) => parts.slice(0, parts.length - index).join('.')), '']
}

function writeTo(sinks: readonly LogSink[], record: LogRecord): void {
  for (const sink of sinks) if (record.level >= sink.level) sink.write(record)
}

function loggersOf(definition: Block): [string, Block][] {
  const named = isRecord(definition.loggers) ? Object.entries(definition.loggers) : []
  const root: [string, unknown][] = definition.root === undefined ? [] : [['', definition.root]]
  return [...named, ...root].flatMap(([name, block]) => (isRecord(block) ? [[name, block]] : []))
}
