import type { Logger } from '../../logger.ts'
import { isReady } from '../../protocol/results/states.ts'
import type { TaskResult } from '../../protocol/results/task-result.ts'
import type { TaskRequest } from '../../protocol/tasks/task-request.ts'
import { isRefusedForGood } from '../../results/failures.ts'
import type { ResultStore } from '../../results/result-store.ts'
import type { App } from '../../tasks/app/app.ts'
import { failUnreachable, saveMember } from '../canvas/chord-body.ts'
import type { Job } from '../job.ts'
import type { Outcome } from './outcome.ts'
import {
  notRegisteredResult,
  type RunPlace,
  resultOf,
  stateResult,
  unencodableResult,
} from './stored-outcome.ts'

/** An outcome as it was stored, and what callers see of it: null where that is nothing. */
export interface Stored {
  readonly outcome: Outcome
  readonly result: TaskResult | null
}

/** Journey 5/7, result: outcomes are stored, and counted where a chord waits for them. */
export class OutcomeStore {
  readonly #app: App
  readonly #results: ResultStore
  readonly #logger: Logger
  readonly #worker: string
  readonly #isOff: boolean

  constructor(parts: { app: App; results: ResultStore; logger: Logger; worker: string }) {
    this.#app = parts.app
    this.#results = parts.results
    this.#logger = parts.logger
    this.#worker = parts.worker
    this.#isOff = !parts.results.features.keeps
  }

  /**
   * Resolves once the outcome, and what it means for others, is safe: with the outcome as it is stored (a value that has
   * no form in the result backend is a failure), and what there is to see of it.
   */
  async save(job: Job, outcome: Outcome): Promise<Stored> {
    const result = this.resultFor(job, outcome)
    const stored = this.#isOff
      ? { outcome, result }
      : await this.#saveEncodable(job, outcome, result)
    const isCutOff = outcome.kind === 'reject' && !outcome.requeue
    if (stored.outcome.kind === 'failure' || isCutOff) await this.#failStepsCutOff(job, stored)
    return stored
  }

  /** The result that callers see of an outcome; null where it is ignored. */
  resultFor(job: Job, outcome: Outcome): TaskResult | null {
    if (this.#isIgnored(job, outcome) && job.request.chord === null) return null
    return resultOf(job.request, outcome, this.#place(job))
  }

  /** STARTED, where it is wanted. Not waited for: a task must not start later for the sake of its observers. */
  saveStarted(job: Job): void {
    const { request, task } = job
    const isTracked = task.options.trackStarted ?? this.#app.config.task_track_started
    if (this.#isOff || this.#ignoresResult(job) || !isTracked) return
    const meta = { pid: process.pid, hostname: this.#worker }
    const started = stateResult(request, this.#place(job), { state: 'STARTED', meta })
    this.#results.save(started).catch((error: unknown) => {
      this.#logger.warn({ taskId: request.id, err: error }, 'cannot store that a task has started')
    })
  }

  /** Whether its success is stored; false where the backend cannot say. */
  async hasSucceeded(taskId: string): Promise<boolean> {
    if (this.#isOff) return false
    try {
      return (await this.#results.get(taskId)).status === 'SUCCESS'
    } catch (error) {
      this.#logger.warn({ taskId, err: error }, 'cannot check whether a task has succeeded already')
      return false
    }
  }

  /** A state of the task's own. */
  async saveState(job: Job, state: string, meta: unknown): Promise<void> {
    await this.#results.save(stateResult(job.request, this.#place(job), { state, meta }))
  }

  /** Fails a task that is not registered here, for its callers and for those that wait for its later steps. */
  async saveNotRegistered(request: TaskRequest, queue: string): Promise<void> {
    if (this.#isOff || request.ignoreResult === true) return
    try {
      const result = notRegisteredResult(request, { worker: this.#worker, queue })
      await this.#saveAndCount(request, result)
      await this.#failUnreachable(request, result)
    } catch (error) {
      this.#logger.error(
        { taskId: request.id, task: request.task, err: error },
        'cannot store that a task is not registered',
      )
    }
  }

  /** A member of a chord that is done may be the last one: then it starts the body. */
  async #saveAndCount(request: TaskRequest, result: TaskResult): Promise<void> {
    const { chord, group, groupIndex } = request
    if (chord === null || group === null || !isReady(result.status)) {
      await this.#results.save(result)
      return
    }
    const member = { groupId: group, groupIndex, result }
    await saveMember(this.#app, member, { body: chord, caller: request })
  }

  async #saveEncodable(job: Job, outcome: Outcome, result: TaskResult | null): Promise<Stored> {
    if (result === null) return { outcome, result }
    const { request } = job
    try {
      await this.#saveAndCount(request, result)
      return { outcome, result }
    } catch (error) {
      if (!isRefusedForGood(error)) throw error
      const failure = unencodableResult(request, this.#place(job), error)
      await this.#saveIfPossible(request, failure)
      return { outcome: { kind: 'failure', error, runtimeMs: 0 }, result: failure }
    }
  }

  /** Where the id is what the backend refuses, nothing can ever be stored under it: the log is all that is left. */
  async #saveIfPossible(request: TaskRequest, failure: TaskResult): Promise<void> {
    try {
      await this.#saveAndCount(request, failure)
    } catch (error) {
      if (!isRefusedForGood(error)) throw error
      this.#logger.error(
        { taskId: request.id.slice(0, 300), task: request.task, err: error },
        'the result of a task cannot be stored, the task ends without it',
      )
    }
  }

  /** Stores the error that broke a chain at its last step, for waiting callers, also where the broken step stores none. */
  async #failStepsCutOff(job: Job, { outcome, result }: Stored): Promise<void> {
    const { request } = job
    const failure = result ?? resultOf(request, outcome, this.#place(job))
    if (this.#isOff || failure === null) return
    await this.#failUnreachable(request, failure)
  }

  async #failUnreachable(request: TaskRequest, failure: TaskResult): Promise<void> {
    await failUnreachable(this.#app, { steps: request.chain ?? [], caller: request }, failure)
  }

  /** Whether the result is ignored; errors may be wanted all the same. */
  #isIgnored(job: Job, outcome: Outcome): boolean {
    if (!this.#ignoresResult(job)) return false
    const { task_store_errors_even_if_ignored: byDefault } = this.#app.config
    const keepsErrors = job.task.options.storeErrorsEvenIfIgnored ?? byDefault
    return outcome.kind === 'success' || !keepsErrors
  }

  #ignoresResult({ request, task }: Job): boolean {
    const { task_ignore_result: byDefault } = this.#app.config
    return request.ignoreResult ?? task.options.ignoreResult ?? byDefault
  }

  #place({ delivery }: Job): RunPlace {
    return { worker: this.#worker, queue: delivery.queue }
  }
}
