import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { aborted } from '../../async/aborted.ts'
import { deferred } from '../../async/deferred.ts'
import { Rare } from '../../async/rare.ts'
import { sleep } from '../../async/sleep.ts'
import { startTimer } from '../../async/timer.ts'
import { isDoneWithin } from '../../async/with-deadline.ts'
import { ServiceError } from '../../errors.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import type { Task } from '../atoms/task.ts'
import type { Claim, JobDetails } from '../board/job.ts'
import type { JobBoard } from '../board/job-board.ts'
import type { EngineOptions } from '../engine/engine-options.ts'
import { NotFound } from '../failures/flow-errors.ts'
import type { Flow } from '../patterns/flow.ts'
import type { WakeUps } from '../waits/wake-ups.ts'
import { ConductedJob } from './conducted-job.ts'
import { ConductorEvents, type ConductorListener } from './conductor-events.ts'
import { Waking } from './waking.ts'

/** A flow, or what makes it from the values that its job was posted with. */
export type FlowSource = Flow | Task | ((store: Readonly<Record<string, unknown>>) => Flow | Task)

export interface ConductorOptions {
  /** The flows that this conductor can run, by the names in their jobs; other jobs are left to other conductors. */
  readonly flows: Readonly<Record<string, FlowSource>>
  /** Makes flows of jobs that carry their definition. Without it they are left alone. */
  readonly readDefinition?: (text: string, name: string) => Flow | Task
  readonly name?: string
  /** Jobs at a time. Default 4. */
  readonly maxSimultaneousJobs?: number
  /** A job goes to the dead letters once so many of its runs could not be made. Default 10. */
  readonly maxFailedRuns?: number
  /** Wakes it for jobs that have become due, by a broker. Default: by the board's own clock. */
  readonly wakeUps?: WakeUps
  /** How its engines run atoms. Default parallel. */
  readonly engine?: Pick<
    EngineOptions,
    | 'kind'
    | 'deferReverts'
    | 'neverResolve'
    | 'maxWorkers'
    | 'eventOf'
    | 'onEvent'
    | 'now'
    | 'remotes'
  >
  readonly logger?: Logger
}

const AWAY_MS = 1_000
const WITHIN_MS = 10_000

/** Takes jobs from a board and runs their flows. A waiting flow holds nothing here: its job is back on the board. */
export class Conductor implements AsyncDisposable {
  readonly name: string
  readonly #board: JobBoard
  readonly #options: ConductorOptions
  readonly #logger: Logger
  readonly #events: ConductorEvents
  readonly #waking: Waking
  readonly #registered = deferred()
  readonly #stopping = new AbortController()
  /** Aborted once no atom is waited for any longer. */
  readonly #cut = new AbortController()
  readonly #running = new Set<Promise<void>>()
  readonly #jobs = new Set<ConductedJob>()
  readonly #away = new Rare()
  #news = new AbortController()
  #loop: Promise<void> | undefined
  #dispatched = 0

  constructor(board: JobBoard, options: ConductorOptions) {
    this.name = options.name ?? `conductor@${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`
    this.#board = board
    this.#options = options
    this.#logger = options.logger ?? silentLogger
    this.#events = new ConductorEvents(this.#logger)
    this.#waking = new Waking({
      board,
      wakeUps: options.wakeUps,
      logger: this.#logger,
      onNews: () => this.#news.abort(),
      hasRoom: () => this.#hasRoom && !this.#stopping.signal.aborted,
    })
  }

  /** Jobs that are being run. */
  get active(): number {
    return this.#running.size
  }

  on(listener: ConductorListener): () => void {
    return this.#events.on(listener)
  }

  /** Runs jobs until `stop`, or until so many have been run. */
  async run({
    maxDispatches = Number.POSITIVE_INFINITY,
  }: {
    readonly maxDispatches?: number
  } = {}): Promise<void> {
    this.#loop ??= this.#work(maxDispatches)
    await this.#loop
  }

  /** Resolves once it takes jobs from its board; rejects where it cannot register there. */
  async start(): Promise<void> {
    await Promise.race([this.#registered.promise, this.run()])
  }

  /**
   * Takes no more jobs; running flows are suspended, their jobs go back to the board. Atoms that run are waited for up to
   * `graceMs`, then their signals are aborted and they are left: what they still write is refused, and they run again.
   * Rejects with SERVICE_STUCK where its board gives no answer in time.
   */
  async stop({
    graceMs = Number.POSITIVE_INFINITY,
    withinMs = WITHIN_MS,
  }: {
    readonly graceMs?: number
    /** How long everything else may take. Default 10 s. */
    readonly withinMs?: number
  } = {}): Promise<void> {
    this.#stopping.abort()
    this.#news.abort()
    for (const job of this.#jobs) job.suspend()
    const timer = startTimer(graceMs, () => {
      this.#cut.abort()
      for (const job of this.#jobs) job.leave()
    })
    try {
      await this.#end(withinMs)
    } finally {
      timer.clear()
    }
  }

  /** The time for the end counts once no job runs any more, or none may. */
  async #end(withinMs: number): Promise<void> {
    // The caller of start() or run() has the error.
    const ended = this.#loop?.catch(() => undefined) ?? Promise.resolve()
    do {
      await Promise.race([Promise.allSettled(this.#running), aborted(this.#cut.signal)])
      if (await isDoneWithin(withinMs, ended)) return
      // A job that was claimed as the stop came has its time too.
    } while (this.#running.size > 0 && !this.#cut.signal.aborted)
    throw new ServiceError(
      'SERVICE_STUCK',
      `${this.name}: the stop did not finish within ${withinMs} ms and is abandoned`,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #work(maxDispatches: number): Promise<void> {
    const board = this.#board
    const metadata = { hostname: hostname(), pid: process.pid }
    let unregister: (() => Promise<void>) | undefined
    try {
      await this.#waking.start()
      unregister = await board.registerEntity('conductor', this.name, metadata)
      this.#registered.resolve()
      while (!this.#stopping.signal.aborted && this.#dispatched < maxDispatches) await this.#turn()
    } finally {
      await Promise.allSettled(this.#running)
      await this.#waking.stop()
      await unregister?.().catch(() => undefined) // its lease ends by itself
    }
  }

  get #hasRoom(): boolean {
    const { maxSimultaneousJobs = 4 } = this.#options
    return this.#running.size < maxSimultaneousJobs
  }

  async #turn(): Promise<void> {
    this.#news = new AbortController()
    if (!this.#hasRoom) {
      await Promise.race(this.#running)
      return
    }
    try {
      const claim = await this.#board.claimNext(this.name, this.#names(), {
        takesDefinitions: this.#options.readDefinition !== undefined,
      })
      if (claim === undefined) {
        if (!this.#stopping.signal.aborted) await this.#waking.waitForNews(this.#news.signal)
        return
      }
      this.#begin(claim)
    } catch (error) {
      this.#away.say((more) =>
        this.#logger.warn(
          { err: error, board: this.#board.name, ...more },
          'the job board cannot be read, trying again',
        ),
      )
      await sleep(AWAY_MS, this.#stopping.signal).catch(() => undefined) // stopping
    }
  }

  #names(): string[] {
    return Object.keys(this.#options.flows)
  }

  #begin(claim: Claim): void {
    this.#dispatched += 1
    this.#events.emit('job_claimed', claim.job)
    const job = this.#jobOf(claim)
    this.#jobs.add(job)
    const running = job
      .conduct()
      .catch((error: unknown) => this.#logLoss(claim, error))
      .finally(() => {
        this.#running.delete(running)
        this.#jobs.delete(job)
      })
    this.#running.add(running)
  }

  #jobOf(claim: Claim): ConductedJob {
    const { engine, maxFailedRuns } = this.#options
    return new ConductedJob(claim, {
      store: this.#board.store,
      engine,
      flowOf: (details) => this.#flowOf(details),
      maxFailedRuns,
      events: this.#events,
      waking: this.#waking,
      logger: this.#logger,
      stopping: this.#stopping.signal,
    })
  }

  #flowOf({ flow, store, resumeWith, definition }: JobDetails): Flow | Task {
    const { flows, readDefinition } = this.#options
    if (definition !== undefined && readDefinition !== undefined)
      return readDefinition(definition, flow)
    const source = Object.hasOwn(flows, flow) ? flows[flow] : undefined
    if (source === undefined) throw new NotFound(`conductor "${this.name}" knows no flow "${flow}"`)
    return typeof source === 'function' ? source({ ...store, ...resumeWith }) : source
  }

  #logLoss(claim: Claim, error: unknown): void {
    this.#logger.warn(
      { err: error, job: claim.job.uuid },
      'a job could not be settled; its lease ends by itself',
    )
  }
}
