import { deferred } from '../../async/deferred.ts'
import type { Logger } from '../../logger.ts'
import type { Task } from '../atoms/task.ts'
import type { Claim, JobDetails } from '../board/job.ts'
import { Engine } from '../engine/engine.ts'
import type { EngineOptions } from '../engine/engine-options.ts'
import { Failure } from '../failures/failure.ts'
import { LeaseLost } from '../failures/flow-errors.ts'
import type { Flow } from '../patterns/flow.ts'
import type { FlowStore } from '../storage/flow-store.ts'
import type { ConductorEvents } from './conductor-events.ts'
import type { Waking } from './waking.ts'

interface JobTools {
  /** Where its run is kept. */
  readonly store: FlowStore
  readonly engine: EngineOptions | undefined
  readonly flowOf: (details: JobDetails) => Flow | Task
  readonly maxFailedRuns: number | undefined
  readonly events: ConductorEvents
  readonly waking: Waking
  readonly logger: Logger
  /** Aborted once its conductor stops. */
  readonly stopping: AbortSignal
}

const MAX_FAILED_RUNS = 10

/** A job in the hands of a conductor: its flow is run, then it is settled by what came of the run. */
export class ConductedJob {
  readonly #claim: Claim
  readonly #tools: JobTools
  /** Ends the run at once. */
  readonly #cut = new AbortController()
  /** Resolved when the run is not waited for any more. */
  readonly #left = deferred()
  #engine: Engine | undefined
  #isLeft = false

  constructor(claim: Claim, tools: JobTools) {
    this.#claim = claim
    this.#tools = tools
  }

  /** Resolves once it is settled; a run whose lease was lost settles nothing. */
  async conduct(): Promise<void> {
    const { lost } = this.#claim
    lost.addEventListener('abort', () => this.#cut.abort(lost.reason), { once: true })
    let engine: Engine
    try {
      engine = this.#openEngine()
    } catch (error) {
      await this.#fail(error)
      return
    }
    this.#engine = engine
    await Promise.race([this.#run(engine), this.#left.promise])
    if (this.#isLeft) await this.#giveBack()
  }

  /** Atoms that run are waited for, no others are started. */
  suspend(): void {
    this.#engine?.suspend()
  }

  /** The run is left as it is: the job is free for others, even while its atoms still run. */
  leave(): void {
    this.#isLeft = true
    this.#cut.abort(new Error('the conductor stops'))
    this.#left.resolve()
  }

  #openEngine(): Engine {
    const { job, epoch } = this.#claim
    const { store, resumeFrom, resumeWith, flow, definition } = job.details
    return new Engine(this.#tools.flowOf(job.details), {
      kind: 'parallel',
      ...this.#tools.engine,
      logger: this.#tools.logger,
      persist: this.#tools.store,
      flowId: job.flowId,
      store: resumeWith ?? store,
      epoch,
      signal: this.#cut.signal,
      job: job.uuid,
      from: resumeFrom,
      source: { flow, definition },
      waits: 'release',
    })
  }

  async #run(engine: Engine): Promise<void> {
    const { held } = this.#claim
    held.addEventListener('abort', () => engine.suspend(), { once: true })
    try {
      await this.#step('compilation', async () => {
        engine.compile()
      })
      await this.#step('preparation', async () => await engine.prepare())
      if (!engine.hasEnded) await this.#step('validation', async () => await engine.validate())
      // An engine that does not run yet cannot be suspended.
      const isStopped = this.#tools.stopping.aborted || held.aborted
      if (!engine.hasEnded && !isStopped)
        await this.#step('running', async () => await engine.run())
    } catch (error) {
      await this.#end(engine, error)
      return
    }
    await this.#end(engine)
  }

  async #step(name: string, act: () => Promise<void>): Promise<void> {
    this.#emit(`${name}_start`)
    await act()
    this.#emit(`${name}_end`)
  }

  /** By what is stored of the flow: one that has reverted or failed is done too; a run that could not be made is tried again. */
  async #end({ state, hasEnded, waitsFor }: Engine, error?: unknown): Promise<void> {
    const { job, lost } = this.#claim
    const { logger, stopping, waking } = this.#tools
    if (this.#isLeft) return
    if (lost.aborted || (error instanceof LeaseLost && !hasEnded)) {
      logger.warn({ job: job.uuid, err: error }, 'job lost to another conductor')
      return
    }
    if (hasEnded) {
      if (error !== undefined) logger.warn({ err: error, job: job.uuid, state }, 'flow failed')
      await this.#claim.consume()
      this.#emit('job_consumed')
    } else if (error !== undefined) await this.#fail(error)
    else if (waitsFor !== undefined && !stopping.aborted) {
      await this.#claim.release(waitsFor)
      await waking.ask(job, waitsFor)
      this.#emit('job_released')
    } else {
      await this.#claim.abandon()
      this.#emit('job_abandoned')
    }
  }

  async #giveBack(): Promise<void> {
    this.#tools.logger.warn(
      { job: this.#claim.job.uuid },
      'run interrupted, as the conductor stops',
    )
    await this.#claim.abandon()
    this.#emit('job_abandoned')
  }

  async #fail(error: unknown): Promise<void> {
    const { logger, maxFailedRuns = MAX_FAILED_RUNS } = this.#tools
    const { job } = this.#claim
    const attempt = job.attempts + 1
    const failure = Failure.from(error)
    const fields = { err: error, job: job.uuid, attempt }
    if (attempt >= maxFailedRuns) {
      logger.error(fields, 'job given up')
      await this.#claim.trash(failure)
      this.#emit('job_trashed')
      return
    }
    logger.warn(fields, 'a run could not be made, trying again')
    await this.#claim.abandon(failure)
    this.#emit('job_abandoned')
  }

  #emit(type: string): void {
    this.#tools.events.emit(type, this.#claim.job)
  }
}
