import { startTimer, type Timer } from '../async/timer.ts'
import { checkEventType } from '../events/event-client.ts'
import type { EventFields } from '../events/event-fields.ts'
import type { Logger } from '../logger.ts'
import { dictOf, type SignatureLike } from '../protocol/tasks/call-options.ts'
import type { TaskRequest } from '../protocol/tasks/task-request.ts'
import type { AsyncResult } from '../results/async-result.ts'
import { runInTaskContext } from '../tasks/calls/current-request.ts'
import {
  isSignal,
  Replace,
  Retry,
  type RetryOptions,
  SoftTimeLimitExceeded,
  TaskRevoked,
  TimeLimitExceeded,
} from '../tasks/signals.ts'
import type { Task } from '../tasks/task.ts'
import type { TaskContext } from '../tasks/task-context.ts'
import type { StandardSchema } from '../tasks/task-options.ts'
import type { Outcome } from './outcomes/outcome.ts'
import { readable } from './outcomes/thrown.ts'
import type { PoolRun, RunEnvironment, Termination } from './pools/pool.ts'
import { outcomeOfError } from './retries/retries.ts'
import { argumentsFor, checkedBySchema } from './task-arguments.ts'

/** One run of a task: its outcome once there is one; what the function does afterwards changes nothing. */
export class RunningTask implements TaskContext, PoolRun {
  readonly pid = process.pid
  readonly request: TaskRequest
  readonly outcome: Promise<Outcome>
  readonly #task: Task<readonly never[], unknown>
  readonly #environment: RunEnvironment
  readonly #startedAt = performance.now()
  #conclude: (outcome: Outcome) => void = () => undefined
  #controller: AbortController | undefined
  #abortReason: Error | undefined
  #timers: Timer[] = []

  constructor(
    request: TaskRequest,
    task: Task<readonly never[], unknown>,
    environment: RunEnvironment,
  ) {
    this.request = request
    this.#task = task
    this.#environment = environment
    this.outcome = new Promise((resolve) => {
      this.#conclude = (outcome) => {
        for (const timer of this.#timers) timer.clear()
        resolve(outcome)
      }
    })
  }

  /** Calls the function. It never throws: each end, also that of a function that never returns, becomes the outcome. */
  run(): void {
    this.#startTimers()
    runInTaskContext(this.request, async () => await this.#call()).then(
      (value) =>
        this.#conclude(isSignal(readable(value)) ? this.#thrown(value) : this.#returned(value)),
      (error: unknown) => this.#conclude(this.#thrown(error)),
    )
  }

  /** The worker stops and does not wait, or has lost the message: the function's signal aborts, and its run does not count. */
  abandon(reason = new Error('the worker is stopping')): void {
    this.#abort(reason)
    this.#conclude({ kind: 'abandoned' })
  }

  /** It was revoked: the function's signal aborts, and its run counts as ended. */
  terminate({ reason, signum }: Termination): void {
    this.#abort(new TaskRevoked(reason))
    this.#conclude({ kind: 'revoked', reason: 'terminated', signum })
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason)
    return this.#controller.signal
  }

  get log(): Logger {
    return this.#environment.logger.child({ task: this.request.task, taskId: this.request.id })
  }

  async updateState(state: string, meta: unknown = null): Promise<void> {
    await this.#environment.saveState(state, meta)
  }

  async sendEvent(type: string, fields: EventFields = {}): Promise<void> {
    checkEventType(type)
    await this.#environment.sendEvent(type, fields)
  }

  async addToChord<Value = unknown>(signature: SignatureLike): Promise<AsyncResult<Value>> {
    const added = await this.#environment.addToChord(dictOf(signature))
    // The signature's caller knows what it answers.
    return added as AsyncResult as AsyncResult<Value>
  }

  /** Throws by itself, as Python's does: a forgotten `throw` is no silent success. */
  retry(options: RetryOptions = {}): Retry {
    throw new Retry(options)
  }

  replace(signature: SignatureLike): Replace {
    throw new Replace(dictOf(signature))
  }

  #returned(value: unknown): Outcome {
    return { kind: 'success', value, runtimeMs: this.#runtimeMs() }
  }

  #thrown(thrown: unknown): Outcome {
    return outcomeOfError(thrown, this.request, this.#task.options, this.#runtimeMs())
  }

  #call(): unknown {
    const { schema, bind = false } = this.#task.options
    const args = argumentsFor(
      this.request,
      this.#task.options,
      this.#task.run.length - (bind ? 1 : 0),
    )
    return schema === undefined ? this.#invoke(args) : this.#invokeChecked(args, schema)
  }

  async #invokeChecked(args: readonly unknown[], schema: StandardSchema): Promise<unknown> {
    return await this.#invoke(await checkedBySchema(this.request, schema, args))
  }

  #invoke(args: readonly unknown[]): unknown {
    // A task's function takes what its callers send; nothing narrower can be known of it here.
    const run = this.#task.run as (...args: readonly unknown[]) => unknown
    return this.#task.options.bind === true ? run(this, ...args) : run(...args)
  }

  #startTimers(): void {
    const { softTimeLimit: soft, timeLimit: hard } = this.#environment.limits
    if (soft !== null && soft > 0) {
      this.#after(soft, () => this.#abort(new SoftTimeLimitExceeded(soft)))
    }
    if (hard !== null && hard > 0) this.#after(hard, () => this.#timeOut(hard))
  }

  #timeOut(seconds: number): void {
    const error = new TimeLimitExceeded(seconds)
    this.#abort(error)
    this.#conclude({ kind: 'failure', error, runtimeMs: this.#runtimeMs() })
  }

  #after(seconds: number, act: () => void): void {
    this.#timers.push(startTimer(seconds * 1_000, act))
  }

  #abort(reason: Error): void {
    this.#abortReason ??= reason
    this.#controller?.abort(reason)
  }

  #runtimeMs(): number {
    return performance.now() - this.#startedAt
  }
}
