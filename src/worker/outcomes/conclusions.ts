import { setMaxListeners } from 'node:events'
import { type Backoff, backoffDelayMs } from '../../async/backoff.ts'
import { PassingSet } from '../../async/passing.ts'
import { Semaphore } from '../../async/semaphore.ts'
import { sleep } from '../../async/sleep.ts'
import { OwnTurns } from '../../async/turns.ts'
import { withDeadline } from '../../async/with-deadline.ts'
import type { Delivery } from '../../brokers/broker.ts'
import { mayTakeLater } from '../../brokers/broker-errors.ts'
import type { DeadLetters } from '../../brokers/dead-letters/dead-letters.ts'
import { ResultError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import type { App } from '../../tasks/app/app.ts'
import { delayedRoute } from '../../tasks/calls/delayed-route.ts'
import { Reject } from '../../tasks/signals.ts'
import { tracePublish } from '../../telemetry/traces/trace-publish.ts'
import { traceStep } from '../../telemetry/traces/trace-run.ts'
import { publishErrbacks, publishNext } from '../canvas/follow-ups.ts'
import type { Job } from '../job.ts'
import type { KnownJobs } from '../receiving/known-jobs.ts'
import { type OnTaskError, type RunReport, reportOutcome, runReport } from '../report.ts'
import { RequeuePauses } from '../retries/requeue-pauses.ts'
import { retryMessage } from '../retries/retry-message.ts'
import type { TaskEvents } from '../task-events.ts'
import type { AckPolicy } from './ack-policy.ts'
import type { Outcome } from './outcome.ts'
import type { OutcomeStore, Stored } from './outcome-store.ts'

export interface ConclusionParts {
  readonly app: App
  readonly outcomes: OutcomeStore
  readonly kept: DeadLetters
  /** Jobs that are here, or were acknowledged lately. */
  readonly known: KnownJobs
  readonly events: TaskEvents
  readonly logger: Logger
  readonly onTaskError: OnTaskError | undefined
  readonly onRun?: ((run: RunReport) => void) | undefined
}

const STORE_BACKOFF: Backoff = { initialMs: 1_000, factor: 2, maxMs: 15_000, jitter: 0.3 }
const SAVED_SOON_MS = 2_000
const MOST_LARGE = 2

interface Concluding {
  readonly acks: AckPolicy
  /** As `isLargeOutcome` says. */
  readonly isLarge: boolean
}

/** Brings outcomes to their end: what follows is published, the outcome stored, the message settled. */
export class Conclusions {
  readonly #parts: ConclusionParts
  readonly #pauses = new RequeuePauses()
  readonly #patience = new AbortController()
  /** Ends the wait of each outcome that is being stored. */
  readonly #storing = new PassingSet<() => void>()
  readonly #turns = new OwnTurns()
  /** Large outcomes that are encoded, and wait to be stored. */
  readonly #large = new Semaphore(MOST_LARGE)

  constructor(parts: ConclusionParts) {
    this.#parts = parts
    // One for each outcome that waits to be stored.
    setMaxListeners(0, this.#patience.signal)
  }

  /** Outcomes that cannot be stored for now are no longer waited for: their messages go back. */
  endPatience(): void {
    this.#patience.abort(new Error('the worker is stopping'))
  }

  /** Waits for no outcome that is being stored. */
  abandonAll(): void {
    this.endPatience()
    for (const leave of this.#storing) leave()
  }

  /**
   * In the order of Celery's tracer: what follows is published, the outcome is stored, errbacks are called, and only then
   * the message is settled. A crash in between repeats, where the message is acknowledged late, and loses nothing.
   */
  async conclude(job: Job, outcome: Outcome, { acks, isLarge }: Concluding): Promise<void> {
    const { logger, outcomes, events } = this.#parts
    const { isLate } = acks
    try {
      if (isLarge) await this.#turns.next()
      // Sent before the message of the next attempt, whose own events are to come after it.
      if (outcome.kind === 'retry') {
        events.concluded(job, { outcome, stored: outcomes.resultFor(job, outcome), isLate })
      }
      const handedOn = await this.#handOn(job, outcome, acks)
      const save = async (): Promise<Stored> =>
        isLarge ? this.#saveLarge(job, handedOn) : outcomes.save(job, handedOn)
      const saveInTheEnd = async (): Promise<Stored> => {
        if (handedOn.kind === 'abandoned') return await this.#saveSoon(job, handedOn, save)
        return await (acks.isLate ? this.#untilStored(job, save) : this.#unlessAbandoned(save()))
      }
      const { outcome: final, result } = await traceStep(`store/${job.request.task}`, saveInTheEnd)
      if (final.kind === 'failure') await this.#callErrbacks(job, final.error, acks)
      await this.#settle(job, final, acks)
      if (final.kind !== 'retry') events.concluded(job, { outcome: final, stored: result, isLate })
      reportOutcome(job, final, this.#parts)
      this.#parts.onRun?.(runReport(job, final))
    } catch (error) {
      const { request, delivery } = job
      logger.error(
        { taskId: request.id, task: request.task, err: error },
        'cannot store the outcome of a task or publish its follow-ups',
      )
      if (acks.isLate && !delivery.isSettled) await this.#requeue(job)
      else this.#parts.onRun?.(runReport(job, { kind: 'failure', error, runtimeMs: 0 }))
    }
  }

  /** Few at a time, as each takes its size again on its way to the backend. */
  async #saveLarge(job: Job, outcome: Outcome): Promise<Stored> {
    const { app, outcomes } = this.#parts
    // What it leads to may run, and be stored, before this one is.
    if (app.config.task_always_eager) return await outcomes.save(job, outcome)
    return await this.#large.run(async () => {
      await this.#turns.next()
      return await outcomes.save(job, outcome)
    })
  }

  /** That a run was cut short is said while the worker stops or its broker is away: a backend that is away, too, is not waited for. */
  async #saveSoon(job: Job, outcome: Outcome, save: () => Promise<Stored>): Promise<Stored> {
    const late = (): Error =>
      new ResultError('RESULT_UNSAVED', `it was not stored in ${SAVED_SOON_MS} ms`)
    try {
      return await withDeadline(save(), SAVED_SOON_MS, late)
    } catch (error) {
      const { id: taskId, task } = job.request
      this.#parts.logger.warn({ taskId, task, err: error }, 'cannot store that a task is cancelled')
      return { outcome, result: null }
    }
  }

  /** A backend that is full, read-only or away comes back: the task has run, and is not run again for that. */
  async #untilStored(job: Job, save: () => Promise<Stored>): Promise<Stored> {
    const { id: taskId, task } = job.request
    const { signal } = this.#patience
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#unlessAbandoned(save())
      } catch (cause) {
        const isAway = cause instanceof ResultError && cause.code !== 'RESULT_CLOSED'
        if (!isAway || signal.aborted) throw cause
        const delayMs = backoffDelayMs(STORE_BACKOFF, attempt)
        const about = { taskId, task, attempt, delayMs, err: cause }
        this.#parts.logger.warn(about, 'cannot store the outcome of a task, trying again')
        await sleep(delayMs, signal).catch(() => undefined)
      }
    }
  }

  /** A stop whose grace is over waits for no backend. */
  #unlessAbandoned<Result>(work: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const leave = (): void =>
        reject(
          new ResultError('RESULT_UNSAVED', 'the worker stopped before the outcome was stored'),
        )
      this.#storing.add(leave)
      work.then(resolve, reject).finally(() => this.#storing.delete(leave))
    })
  }

  /** Later each time, so that nothing runs in a circle; at once where the worker stops. */
  async #requeue({ delivery, request }: Job): Promise<void> {
    const isStopping = this.#patience.signal.aborted
    await delivery.requeue(isStopping ? {} : { delayMs: this.#pauses.nextMs(request) })
  }

  /** Publishes what the outcome leads to. Where a success cannot be handed on, it is no success. */
  async #handOn(job: Job, outcome: Outcome, acks: AckPolicy): Promise<Outcome> {
    try {
      if (outcome.kind === 'retry') await this.#publishRetry(job, outcome)
      else await publishNext(this.#parts.app, job.request, outcome)
      return outcome
    } catch (error) {
      // A broker that is away is no fault of the task: its message will come again, if it still can. A message that no broker takes is.
      if (acks.isLate && mayTakeLater(error)) throw error
      switch (outcome.kind) {
        case 'success':
          return { kind: 'failure', error, runtimeMs: outcome.runtimeMs }
        case 'retry':
          return { kind: 'reject', reason: `its retry failed: ${String(error)}`, requeue: false }
        default:
          return { kind: 'failure', error, runtimeMs: 0 }
      }
    }
  }

  async #callErrbacks({ request }: Job, error: unknown, acks: AckPolicy): Promise<void> {
    const { app, logger } = this.#parts
    try {
      await publishErrbacks(app, request, error)
    } catch (cause) {
      if (acks.isLate && mayTakeLater(cause)) throw cause
      const about = { taskId: request.id, task: request.task, err: cause }
      logger.error(about, 'cannot call the errbacks of a task')
    }
  }

  async #publishRetry(job: Job, outcome: Outcome & { readonly kind: 'retry' }): Promise<void> {
    const { app } = this.#parts
    const { countdown, options } = outcome
    const { params } = job.task.options
    const retry = { countdown, options, config: app.config, params }
    const { message, route, eta } = retryMessage(job.delivery, job.request, retry)
    const { id: taskId, task: name } = job.request
    await tracePublish({ taskId, name, message, route }, async (traced) => {
      const isHeld =
        eta !== null && (await app.waiting.hold({ taskId, name, eta, message: traced, route }))
      if (isHeld) return
      const outgoing = await app.outgoing()
      await outgoing.publish(traced, delayedRoute(route, eta, app.config))
    })
  }

  async #settle(job: Job, outcome: Outcome, acks: AckPolicy): Promise<void> {
    switch (acks.afterRun(outcome)) {
      case 'nothing':
        return
      case 'ack':
        this.#parts.known.acknowledged(job)
        return await job.delivery.ack()
      case 'requeue':
        return await (outcome.kind === 'abandoned' ? job.delivery.requeue() : this.#requeue(job))
      case 'keep':
        return await this.#keep(job, reasonToKeep(outcome))
    }
  }

  /** Again where the broker took the delivery back meanwhile, and the job has another. */
  async #keep(job: Job, reason: unknown): Promise<void> {
    let delivery: Delivery
    let isKept: boolean
    do {
      delivery = job.delivery
      isKept = await this.#parts.kept.keep(delivery, reason)
    } while (job.delivery !== delivery)
    if (isKept) this.#parts.known.acknowledged(job)
  }
}

function reasonToKeep(outcome: Outcome): unknown {
  if (outcome.kind === 'failure') return outcome.error
  return outcome.kind === 'reject' ? new Reject(outcome.reason) : new Reject(outcome.kind)
}
