import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { deferred } from '../../async/deferred.ts'
import { sleep } from '../../async/sleep.ts'
import { startTimer } from '../../async/timer.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import type { Task } from '../atoms/task.ts'
import type { Claim, JobDetails } from '../board/job.ts'
import type { JobBoard } from '../board/job-board.ts'
import { Engine, type EngineOptions } from '../engine/engine.ts'
import { Failure } from '../failures/failure.ts'
import { LeaseLost, NotFound } from '../failures/flow-errors.ts'
import type { Flow } from '../patterns/flow.ts'
import type { WakeUps } from '../waits/wake-ups.ts'
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

interface ConductedRun {
  readonly engine: Engine
  /** Ends the run at once. */
  readonly cut: AbortController
  /** Resolved when it is not waited for any more. */
  readonly left: ReturnType<typeof deferred<void>>
}

const AWAY_MS = 1_000

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
  readonly #running = new Set<Promise<void>>()
  readonly #runs = new Set<ConductedRun>()
  #isGivingUp = false
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
   */
  async stop({
    graceMs = Number.POSITIVE_INFINITY,
  }: {
    readonly graceMs?: number
  } = {}): Promise<void> {
    this.#stopping.abort()
    this.#news.abort()
    for (const { engine } of this.#runs) engine.suspend()
    const timer = startTimer(graceMs, () => this.#giveUp())
    await this.#loop?.catch(() => undefined) // the caller of start() or run() has the error
    timer.clear()
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
      this.#logger.warn(
        { err: error, board: this.#board.name },
        'the job board cannot be read, trying again',
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
    const running = this.#conduct(claim)
      .catch((error: unknown) => this.#logLoss(claim, error))
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  async #conduct(claim: Claim): Promise<void> {
    const cut = new AbortController()
    claim.lost.addEventListener('abort', () => cut.abort(claim.lost.reason), { once: true })
    let engine: Engine
    try {
      engine = this.#engineOf(claim, cut.signal)
    } catch (error) {
      await this.#fail(claim, error)
      return
    }
    const left = deferred()
    const run: ConductedRun = { engine, cut, left }
    this.#runs.add(run)
    try {
      await Promise.race([this.#run(claim, engine), left.promise])
    } finally {
      this.#runs.delete(run)
    }
    if (this.#isGivingUp) await this.#leave(claim)
  }

  #engineOf(claim: Claim, signal: AbortSignal): Engine {
    const { details, flowId } = claim.job
    const { store, resumeFrom, resumeWith } = details
    return new Engine(this.#flowOf(details), {
      kind: 'parallel',
      ...this.#options.engine,
      logger: this.#logger,
      persist: this.#board.store,
      flowId,
      store: resumeWith ?? store,
      epoch: claim.epoch,
      signal,
      job: claim.job.uuid,
      from: resumeFrom,
      source: { flow: details.flow, definition: details.definition },
      waits: 'release',
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

  async #run(claim: Claim, engine: Engine): Promise<void> {
    const { job } = claim
    claim.held.addEventListener('abort', () => engine.suspend(), { once: true })
    try {
      await this.#step('compilation', job, async () => {
        engine.compile()
      })
      await this.#step('preparation', job, async () => await engine.prepare())
      if (!engine.hasEnded) await this.#step('validation', job, async () => await engine.validate())
      // An engine that does not run yet cannot be suspended.
      const isStopped = this.#stopping.signal.aborted || claim.held.aborted
      if (!engine.hasEnded && !isStopped)
        await this.#step('running', job, async () => await engine.run())
    } catch (error) {
      await this.#end(claim, engine, error)
      return
    }
    await this.#end(claim, engine)
  }

  async #step(name: string, job: Claim['job'], act: () => Promise<void>): Promise<void> {
    this.#events.emit(`${name}_start`, job)
    await act()
    this.#events.emit(`${name}_end`, job)
  }

  /** By what is stored of the flow: one that has reverted or failed is done too; a run that could not be made is tried again. */
  async #end(claim: Claim, engine: Engine, error?: unknown): Promise<void> {
    const { job } = claim
    const { state, hasEnded, waitsFor } = engine
    if (this.#isGivingUp) return
    if (claim.lost.aborted || (error instanceof LeaseLost && !hasEnded)) {
      this.#logger.warn({ job: job.uuid, err: error }, 'job lost to another conductor')
      return
    }
    if (hasEnded) {
      if (error !== undefined)
        this.#logger.warn({ err: error, job: job.uuid, state }, 'flow failed')
      await claim.consume()
      this.#events.emit('job_consumed', job)
    } else if (error !== undefined) await this.#fail(claim, error)
    else if (waitsFor !== undefined && !this.#stopping.signal.aborted) {
      await claim.release(waitsFor)
      await this.#waking.ask(job, waitsFor)
      this.#events.emit('job_released', job)
    } else {
      await claim.abandon()
      this.#events.emit('job_abandoned', job)
    }
  }

  #giveUp(): void {
    this.#isGivingUp = true
    for (const { cut, left } of this.#runs) {
      cut.abort(new Error('the conductor stops'))
      left.resolve()
    }
  }

  /** The job is free for others, whatever its atoms still do. */
  async #leave(claim: Claim): Promise<void> {
    this.#logger.warn({ job: claim.job.uuid }, 'run interrupted, as the conductor stops')
    await claim.abandon()
    this.#events.emit('job_abandoned', claim.job)
  }

  async #fail(claim: Claim, error: unknown): Promise<void> {
    const { maxFailedRuns = 10 } = this.#options
    const attempt = claim.job.attempts + 1
    const failure = Failure.from(error)
    if (attempt >= maxFailedRuns) {
      this.#logger.error({ err: error, job: claim.job.uuid, attempt }, 'job given up')
      await claim.trash(failure)
      this.#events.emit('job_trashed', claim.job)
      return
    }
    this.#logger.warn(
      { err: error, job: claim.job.uuid, attempt },
      'a run could not be made, trying again',
    )
    await claim.abandon(failure)
    this.#events.emit('job_abandoned', claim.job)
  }

  #logLoss(claim: Claim, error: unknown): void {
    this.#logger.warn(
      { err: error, job: claim.job.uuid },
      'a job could not be settled; its lease ends by itself',
    )
  }
}
