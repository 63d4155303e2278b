import { startInterval, type Timer } from '../../async/timer.ts'
import { textOfError } from '../../text-of-error.ts'
import type { BlockStats } from '../block/counts.ts'

type Emit = (type: string, fields: Readonly<Record<string, unknown>>) => void

/** Who sends events; `app.events` is one. `tell` is the old name of `emit`. */
export type StreamEvents =
  | { emit(type: string, fields: Readonly<Record<string, unknown>>): void }
  | { tell(type: string, fields: Readonly<Record<string, unknown>>): void }

/** Undefined where it has neither of the two names. */
export function emitOf(events: StreamEvents): Emit | undefined {
  if ('emit' in events && typeof events.emit === 'function') return events.emit.bind(events)
  if ('tell' in events && typeof events.tell === 'function') return events.tell.bind(events)
  return undefined
}

export interface RunEventsOptions {
  /** Where events go. Without it, none are sent. */
  readonly events?: StreamEvents | undefined
  /** Milliseconds between two samples of the counts. Default 10000. */
  readonly sampleMs?: number
  /** The id of what this run is a part of, such as the run of another block: they are one family. Default: its own. */
  readonly rootId?: string | undefined
  /** The id of the run whose results it works on. */
  readonly parentId?: string | undefined
}

interface RunSeen {
  readonly id: string
  readonly block: string
  readonly operator: string
  stats(): BlockStats
}

const SAMPLE_MS = 10_000

/** Sends the events of a run: `stream-started`, `stream-sampled` where its counts have changed, `stream-ended`. */
export class RunEvents {
  readonly #run: RunSeen
  readonly #options: RunEventsOptions
  readonly #send: Emit | undefined
  readonly #timer: Timer | undefined
  #sampled = ''

  /** Its first event is sent at once. */
  constructor(run: RunSeen, options: RunEventsOptions) {
    this.#run = run
    this.#options = options
    if (options.events === undefined) return
    this.#send = emitOf(options.events)
    this.#sampled = JSON.stringify(run.stats())
    this.#emit('stream-started')
    this.#timer = startInterval(options.sampleMs ?? SAMPLE_MS, () => this.#sample()).unref()
  }

  end(error?: unknown): void {
    this.#timer?.clear()
    this.#emit('stream-ended', error === undefined ? {} : failureOf(error))
  }

  #sample(): void {
    const sampled = JSON.stringify(this.#run.stats())
    if (sampled === this.#sampled) return
    this.#sampled = sampled
    this.#emit('stream-sampled')
  }

  #emit(type: string, more: Readonly<Record<string, unknown>> = {}): void {
    const { id, block, operator } = this.#run
    const { rootId = id, parentId } = this.#options
    const { queue, publishers: _publishers, ...counts } = this.#run.stats()
    this.#send?.(type, {
      uuid: id,
      root_id: rootId,
      ...(parentId !== undefined && { parent_id: parentId }),
      name: block,
      operator,
      counts: { ...counts, waiting: queue.messages },
      ...more,
    })
  }
}

function failureOf(error: unknown): Readonly<Record<string, unknown>> {
  return {
    exception: textOfError(error),
    ...(error instanceof Error && error.stack !== undefined && { traceback: error.stack }),
  }
}
