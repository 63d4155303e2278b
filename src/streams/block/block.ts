import { startTimer } from '../../async/timer.ts'
import { isDoneWithin } from '../../async/with-deadline.ts'
import { ConfigurationError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { checkListener, type ListenerLike, listenerName } from '../parts/listener.ts'
import { isOperator, type Operator } from '../parts/operator.ts'
import { checkPublisher, type PublisherLike, publisherName } from '../parts/publisher.ts'
import { emitOf, RunEvents, type RunEventsOptions } from '../seen/run-events.ts'
import { QUEUE_LIMIT } from './bounded-queue.ts'
import { type BlockObserver, type BlockStats, Counts } from './counts.ts'
import { processWarnings } from './process-warnings.ts'
import { Run } from './run.ts'
import { type BlockOptions, type BlockSettings, blockSettings } from './settings.ts'

export interface BlockParts extends BlockOptions, RunEventsOptions {
  readonly listeners?: Iterable<ListenerLike>
  readonly publishers?: Iterable<PublisherLike>
  /** Where the block logs. Default: warnings and errors as warnings of the process. */
  readonly logger?: Logger
  readonly description?: string | undefined
  readonly observer?: BlockObserver
}

export interface RunOptions {
  /** Aborted, it stops the block: what was taken is published, or given back after `graceMs`. */
  readonly signal?: AbortSignal | undefined
  readonly graceMs?: number | undefined
}

/** How long a stop waits for publishers that are being opened, and do not heed its signal. */
const OPENING_ENDS_MS = 1_000

/**
 * Listeners, one operator, publishers. Messages pass through one bounded queue; each is settled with its source once all
 * publishers have its results. It can be started, stopped and started again; blocks share nothing.
 */
export class Block<In = unknown, Out = unknown> implements AsyncDisposable {
  readonly name: string
  readonly description: string
  readonly operator: Operator<In, Out>
  readonly settings: BlockSettings
  readonly #log: Logger
  readonly #observer: BlockObserver
  readonly #events: RunEventsOptions
  readonly #listeners: Set<ListenerLike>
  readonly #publishers: Set<PublisherLike>
  #run: Run | undefined
  #last: Run | undefined
  #finished: Promise<void> = Promise.resolve()
  /** While its publishers are being opened: nothing has been taken yet. */
  #opening: Promise<void> | undefined

  constructor(name: string, operator: Operator<In, Out>, parts: BlockParts = {}) {
    if (typeof name !== 'string' || name === '') {
      throw new ConfigurationError(`a block's name is ${JSON.stringify(name)}, expected a text`)
    }
    if (!isOperator(operator)) {
      throw new ConfigurationError(
        `block "${name}": Operator must be an instance of Operator; wrap a function by operator(…)`,
      )
    }
    this.name = name
    this.description = parts.description ?? ''
    this.operator = operator
    this.settings = blockSettings(name, parts)
    if (operator.holds > 0 && this.settings.concurrency > 1) {
      throw new ConfigurationError(
        `block "${name}": operator ${operator.name} keeps messages for a result to come, so its concurrency has to be 1`,
        { option: 'concurrency' },
      )
    }
    this.#log = parts.logger ?? processWarnings
    this.#observer = parts.observer ?? {}
    this.#events = eventsOf(name, parts)
    this.#listeners = new Set(
      [...(parts.listeners ?? [])].map((each, index) =>
        checkListener(each, `block "${name}": listener ${index}`),
      ),
    )
    this.#publishers = new Set(
      [...(parts.publishers ?? [])].map((each, index) =>
        checkPublisher(each, `block "${name}": publisher ${index}`),
      ),
    )
  }

  get listeners(): readonly ListenerLike[] {
    return [...this.#listeners]
  }

  get publishers(): readonly PublisherLike[] {
    return [...this.#publishers]
  }

  get isRunning(): boolean {
    return this.#run !== undefined
  }

  /** The id of this run, or of the last one. */
  get runId(): string | undefined {
    return this.#last?.id
  }

  /** Resolves once a started block has ended; rejects with the error that ended it. */
  get finished(): Promise<void> {
    return this.#finished
  }

  /** Opens publishers, then listeners; resolves once it hears what is sent from now on, or once it was stopped before. */
  async start(): Promise<void> {
    if (this.#run !== undefined) {
      this.#log.warn({ block: this.name }, 'block is running already')
      return
    }
    const run = new Run({
      name: this.name,
      operator: this.operator as Operator, // in and out are a matter of its own parts
      settings: this.settings,
      log: this.#log,
      observer: this.#observer,
    })
    this.#run = run
    this.#last = run
    this.#log.debug({ block: this.name, run: run.id }, 'block starts')
    this.#opening = this.#open(run)
    await this.#opening
    if (this.#run === run && !run.isStopping) await this.#begin(run)
  }

  /** Ends listeners, works on what was taken until `graceMs` have passed, gives the rest back, closes publishers. */
  async stop({
    graceMs = this.settings.graceMs,
  }: {
    readonly graceMs?: number
  } = {}): Promise<void> {
    const run = this.#run
    if (run === undefined) {
      this.#log.warn({ block: this.name }, 'block is not running')
      return
    }
    run.endSources()
    if (graceMs <= 0 || this.#opening !== undefined) run.force()
    if (this.#opening !== undefined) await isDoneWithin(OPENING_ENDS_MS, this.#opening)
    const deadline = startTimer(graceMs, () => run.force())
    try {
      await this.#finished.catch(() => undefined) // `finished` and `run` reject with the error
    } finally {
      deadline.clear()
    }
  }

  /** Starts, and resolves when all listeners have ended and every message that was taken is settled, or the signal has stopped it. */
  async run({ signal, graceMs }: RunOptions = {}): Promise<void> {
    if (isAborted(signal)) return
    const onAbort = (): void => void this.stop(graceMs === undefined ? {} : { graceMs })
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      await this.start()
      if (this.#listeners.size === 0) this.#run?.endSources()
      await this.#finished
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Resolves once the listener hears, where the block runs. */
  async addListener(listener: ListenerLike): Promise<void> {
    this.#listeners.add(checkListener(listener, `block "${this.name}": listener`))
    await this.#run?.addListener(listener)
  }

  async removeListener(listener: ListenerLike): Promise<void> {
    this.#listeners.delete(listener)
    await this.#run?.removeListener(listener)
  }

  /** Results from now on go to this publisher, too. */
  async addPublisher(publisher: PublisherLike): Promise<void> {
    this.#publishers.add(checkPublisher(publisher, `block "${this.name}": publisher`))
    await this.#run?.addPublisher(publisher)
  }

  /** Sends what waits for it, then closes it. */
  async removePublisher(publisher: PublisherLike): Promise<void> {
    this.#publishers.delete(publisher)
    await this.#run?.removePublisher(publisher)
  }

  /** Of this run, or the last one. */
  get stats(): BlockStats {
    const run = this.#run ?? this.#last
    const counts = run?.counts.read() ?? new Counts().read()
    return {
      ...counts,
      queue: {
        messages: run?.queue.size ?? 0,
        bytes: run?.queue.bytes ?? 0,
        limit: this.settings.queue.limit ?? QUEUE_LIMIT,
        lagMs: run?.lagMs ?? 0,
      },
      publishers: [...(run?.outlets ?? [])].map(({ name, waiting }) => ({ name, waiting })),
    }
  }

  toString(): string {
    const listeners = this.listeners.map(listenerName).join(', ')
    const publishers = this.publishers.map(publisherName).join(', ')
    return `Block(${this.name}: [${listeners}] → ${this.operator.name} → [${publishers}])`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isRunning) await this.stop()
  }

  async #open(run: Run): Promise<void> {
    try {
      await run.open(this.#publishers)
    } catch (error) {
      this.#run = undefined
      this.#finished = Promise.resolve()
      // How the opening ended was not waited for: the stop has ended it.
      if (!run.isStopping) throw error
      return
    } finally {
      this.#opening = undefined
    }
    this.#finished = this.#work(run)
    this.#finished.catch(() => undefined) // whether it is awaited or not
  }

  async #begin(run: Run): Promise<void> {
    try {
      await run.begin(this.#listeners)
    } catch (error) {
      run.endSources()
      await this.#finished // rejects with the same error, with its place
      throw error
    }
  }

  async #work(run: Run): Promise<void> {
    const seen = { id: run.id, block: this.name, operator: this.operator.name }
    const events = new RunEvents({ ...seen, stats: () => this.stats }, this.#events)
    try {
      await run.work()
      events.end()
    } catch (error) {
      events.end(error)
      throw error
    } finally {
      if (this.#run === run) this.#run = undefined
      this.#log.debug({ block: this.name, run: run.id, ...run.counts.read() }, 'block ended')
    }
  }
}

function eventsOf(block: string, parts: RunEventsOptions): RunEventsOptions {
  const { events, sampleMs, rootId, parentId } = parts
  if (events !== undefined && emitOf(Object(events)) === undefined) {
    throw new ConfigurationError(
      `block "${block}": events must have a method emit(type, fields), such as app.events has`,
      { option: 'events' },
    )
  }
  if (sampleMs !== undefined && !(sampleMs > 0)) {
    throw new ConfigurationError(
      `block "${block}": sampleMs is ${String(sampleMs)}, expected milliseconds above 0`,
      { option: 'sampleMs' },
    )
  }
  return { events, ...(sampleMs !== undefined && { sampleMs }), rootId, parentId }
}

// A function, so that the compiler does not take the answer for lasting.
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}
