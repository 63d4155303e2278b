import { type Backoff, backoffDelayMs } from '../async/backoff.ts'
import { sleep } from '../async/sleep.ts'
import type { Broker, Delivery } from '../brokers/broker.ts'
import type { DeadLetters } from '../brokers/dead-letters/dead-letters.ts'
import { BrokerError, ResultError } from '../errors.ts'
import type { EventFields } from '../events/event-fields.ts'
import type { Logger } from '../logger.ts'
import type { SignatureDict, TaskRequest } from '../protocol/tasks/task-request.ts'
import { parseIso } from '../protocol/times.ts'
import type { App } from '../tasks/app/app.ts'
import { delayedRoute } from '../tasks/calls/delayed-route.ts'
import { Reject } from '../tasks/signals.ts'
import { tracePublish } from '../telemetry/traces/trace-publish.ts'
import { type RunTrace, traceRun, traceStep } from '../telemetry/traces/trace-run.ts'
import { addToChord } from './canvas/added-member.ts'
import { publishErrbacks, publishNext } from './canvas/follow-ups.ts'
import type { WorkerControl } from './control/worker-control.ts'
import type { Job, RunningJob } from './job.ts'
import { AckPolicy, type AckSettings, ackSettings } from './outcomes/ack-policy.ts'
import { LostRuns } from './outcomes/lost-runs.ts'
import type { Outcome } from './outcomes/outcome.ts'
import type { OutcomeStore, Stored } from './outcomes/outcome-store.ts'
import { traceOutcome } from './outcomes/traced-outcome.ts'
import { PoisonGuard } from './poison-guard.ts'
import type { Pool, PoolRun, RunLimits, Termination } from './pools/pool.ts'
import type { KnownJobs } from './receiving/known-jobs.ts'
import { type OnTaskError, type RunReport, reportOutcome, runReport } from './report.ts'
import { RequeuePauses } from './retries/requeue-pauses.ts'
import { retryMessage } from './retries/retry-message.ts'
import type { TaskEvents } from './task-events.ts'

export interface RunnerParts {
  readonly app: App
  readonly broker: Broker
  readonly outcomes: OutcomeStore
  /** The pool that runs a job. */
  readonly poolOf: (job: Job) => Pool
  readonly kept: DeadLetters
  /** Jobs that are here, or were acknowledged lately. */
  readonly known: KnownJobs
  readonly events: TaskEvents
  /** What remote control has set on the worker. */
  readonly control: Pick<WorkerControl, 'revoked' | 'options'>
  /** Of tasks that have none of their own. */
  readonly limits: RunLimits
  readonly logger: Logger
  readonly worker: string
  readonly onTaskError: OnTaskError | undefined
  readonly onRun?: ((run: RunReport) => void) | undefined
}

class RunningFunction implements RunningJob {
  readonly job: Job
  readonly startedAt = Date.now() / 1_000
  readonly #run: PoolRun

  constructor(job: Job, run: PoolRun) {
    this.job = job
    this.#run = run
  }

  /** Known once a child has begun it. */
  get pid(): number {
    return this.#run.pid
  }
}

/** Outcomes that may wait to be stored before slots wait for them. */
const MOST_CONCLUDING = 2_000
const STORE_BACKOFF: Backoff = { initialMs: 1_000, factor: 2, maxMs: 15_000, jitter: 0.3 }

/** Runs jobs that have a slot: from the delivery to its settling. */
export class TaskRunner {
  readonly #parts: RunnerParts
  readonly #ackSettings: AckSettings
  readonly #policies = new Map<string, AckPolicy>()
  readonly #running = new Map<PoolRun, RunningJob>()
  readonly #jobs = new Set<Job>()
  readonly #totals = new Map<string, number>()
  readonly #lost: LostRuns
  readonly #pauses = new RequeuePauses()
  readonly #poison: PoisonGuard
  readonly #patience = new AbortController()
  /** Ends the wait of each outcome that is being stored. */
  readonly #storing = new Set<() => void>()
  #concluding = 0

  constructor(parts: RunnerParts) {
    this.#parts = parts
    this.#ackSettings = ackSettings(parts.app.config)
    this.#poison = new PoisonGuard({
      database: () => parts.app.mailboxes.database(),
      most: parts.app.config.WORKER_POISON_DEATHS,
      logger: parts.logger,
    })
    this.#lost = new LostRuns({
      config: parts.app.config,
      logger: parts.logger,
      isLate: (job) => this.#policyOf(job).isLate,
    })
  }

  /** Outcomes that cannot be stored for now are no longer waited for: their messages go back. */
  endPatience(): void {
    this.#patience.abort(new Error('the worker is stopping'))
  }

  /** Ends every run without waiting for it. */
  abandonAll(): void {
    this.endPatience()
    for (const leave of this.#storing) leave()
    for (const run of this.#running.keys()) run.abandon()
  }

  /** Ends those whose messages are to be acknowledged after the run. */
  abandonLate(): void {
    for (const [run, { job }] of this.#running) {
      const { id: taskId, task } = job.request
      if (!this.#policyOf(job).isLate || job.delivery.isSettled) continue
      this.#parts.logger.warn({ taskId, task }, 'the connection is lost, a task is cancelled')
      run.abandon(new Error('the connection to the broker is lost'))
    }
  }

  /** Jobs whose functions run now. */
  get active(): readonly RunningJob[] {
    return [...this.#running.values()]
  }

  /** How many of each task were begun. */
  get totals(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#totals)
  }

  /** From the start of its run until its outcome is stored. */
  isRunning(taskId: string): boolean {
    return [...this.#jobs].some(({ request }) => request.id === taskId)
  }

  /** Ends those of the running tasks; says which. */
  terminate(isMeant: (request: TaskRequest) => boolean, how: Termination): readonly string[] {
    const meant = [...this.#running].filter(([, { job }]) => isMeant(job.request))
    for (const [run] of meant) run.terminate(how)
    return meant.map(([, { job }]) => job.request.id)
  }

  /** Ends a job that has not started, and never will, as revoked. */
  async discard(job: Job): Promise<void> {
    const late = new AckPolicy({ acksLate: true }, this.#ackSettings)
    await this.#conclude(job, { kind: 'revoked', reason: 'revoked' }, late)
  }

  /**
   * Runs one job. `onFree` is called when the function has ended: what is left needs no slot, unless so many
   * outcomes wait to be stored that taking on more would only pile them up.
   */
  async perform(job: Job, onFree: () => void): Promise<void> {
    const { request, delivery } = job
    const { worker } = this.#parts
    const trace = traceRun(request, { worker, routingKey: delivery.route.routingKey })
    try {
      await trace.within(async () => this.#perform(job, trace, onFree))
    } finally {
      trace.end()
    }
  }

  async #perform(job: Job, trace: RunTrace, onFree: () => void): Promise<void> {
    const acks = this.#policyOf(job)
    this.#jobs.add(job)
    this.#totals.set(job.request.task, (this.#totals.get(job.request.task) ?? 0) + 1)
    let outcome: Outcome
    try {
      await acks.beforeRun(job.delivery)
      if (!acks.isLate) this.#parts.known.acknowledged(job)
      outcome = this.#isTaken(job) ? { kind: 'abandoned' } : await this.#outcomeOf(job)
    } catch (error) {
      this.#jobs.delete(job)
      onFree()
      throw error
    }
    traceOutcome(trace, job, outcome)
    this.#concluding += 1
    const isCrowded = this.#concluding > MOST_CONCLUDING
    if (!isCrowded) onFree()
    await this.#conclude(job, outcome, acks)
    this.#jobs.delete(job)
    this.#concluding -= 1
    if (isCrowded) onFree()
  }

  async #outcomeOf(job: Job): Promise<Outcome> {
    const { request } = job
    const { control } = this.#parts
    if (request.expires !== null && parseIso(request.expires).getTime() <= Date.now()) {
      return { kind: 'revoked', reason: 'expired' }
    }
    if (control.revoked.has(request)) return { kind: 'revoked', reason: 'revoked' }
    if (await this.#hasSucceeded(job)) return { kind: 'ignore' }
    if (request.fault !== undefined) return { kind: 'failure', error: request.fault, runtimeMs: 0 }
    // Early acknowledged, it never comes again; where deliveries end with their connection, that says nothing of workers.
    const mayKill = this.#parts.broker.features.leases && this.#policyOf(job).isLate
    return mayKill
      ? await this.#poison.around(job, async () => this.#run(job))
      : await this.#run(job)
  }

  async #run(job: Job): Promise<Outcome> {
    const { request, task } = job
    const { outcomes, logger } = this.#parts
    outcomes.saveStarted(job)
    this.#parts.events.started(job)
    const environment = {
      logger,
      saveState: async (state: string, meta: unknown) => outcomes.saveState(job, state, meta),
      sendEvent: async (type: string, fields: EventFields) =>
        this.#parts.events.own(request, type, fields),
      addToChord: async (signature: SignatureDict) =>
        addToChord(this.#parts.app, request, signature),
      limits: this.#limitsOf(job),
    }
    const run = this.#parts.poolOf(job).run({ request, task, environment })
    this.#running.set(run, new RunningFunction(job, run))
    const stopListening = this.#abandonWhenTaken(job, run)
    const outcome = await run.outcome
    stopListening()
    this.#running.delete(run)
    return this.#isTaken(job) ? { kind: 'abandoned' } : this.#lost.outcomeOf(job, outcome)
  }

  /** Where deliveries are held for a time that is over, another worker may run the task: this run reports no outcome. */
  #isTaken({ delivery, request }: Job): boolean {
    const isTaken = this.#parts.broker.features.leases && delivery.isLost
    if (isTaken) {
      const about = { taskId: request.id, task: request.task, queue: delivery.queue }
      this.#parts.logger.warn(about, 'the message of a task was lost, another worker may run it')
    }
    return isTaken
  }

  #abandonWhenTaken({ delivery }: Job, run: PoolRun): () => void {
    if (!this.#parts.broker.features.leases) return () => undefined
    const { lost } = delivery
    const onLost = (): void => run.abandon(lost.reason)
    lost.addEventListener('abort', onLost, { once: true })
    return () => lost.removeEventListener('abort', onLost)
  }

  /** Celery's worker_deduplicate_successful_tasks: a message delivered again, whose task has ended well in any worker. */
  async #hasSucceeded(job: Job): Promise<boolean> {
    const { app, outcomes, logger } = this.#parts
    const isWanted = app.config.worker_deduplicate_successful_tasks && this.#policyOf(job).isLate
    if (!isWanted || !job.delivery.redelivered) return false
    const hasSucceeded = await outcomes.hasSucceeded(job.request.id)
    const about = { taskId: job.request.id, task: job.request.task }
    if (hasSucceeded) logger.info(about, 'task has succeeded already, its message is acknowledged')
    return hasSucceeded
  }

  /**
   * In the order of Celery's tracer: what follows is published, the outcome is stored, errbacks are called, and only then
   * the message is settled. A crash in between repeats, where the message is acknowledged late, and loses nothing.
   */
  async #conclude(job: Job, outcome: Outcome, acks: AckPolicy): Promise<void> {
    const { logger, outcomes, events } = this.#parts
    const { isLate } = acks
    try {
      // Sent before the message of the next attempt, whose own events are to come after it.
      if (outcome.kind === 'retry') {
        events.concluded(job, { outcome, stored: outcomes.visible(job, outcome), isLate })
      }
      const handedOn = await this.#handOn(job, outcome, acks)
      const save = async (): Promise<Stored> => outcomes.save(job, handedOn)
      const saveInTheEnd = async (): Promise<Stored> =>
        acks.isLate ? this.#untilStored(job, save) : this.#unlessAbandoned(save())
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
        'cannot store or hand on the outcome of a task',
      )
      if (acks.isLate && !delivery.isSettled) await this.#requeue(job)
      else this.#parts.onRun?.(runReport(job, { kind: 'failure', error, runtimeMs: 0 }))
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
      // A broker that is away is no fault of the task: its message will come again, if it still can.
      if (acks.isLate && error instanceof BrokerError) throw error
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
      if (acks.isLate && cause instanceof BrokerError) throw cause
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
    await tracePublish({ id: taskId, task: name, message, route }, async (traced) => {
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

  /** The message's, else the task's own as they are now, else those for all tasks. */
  #limitsOf({ task, request }: Job): RunLimits {
    const { limits, control } = this.#parts
    const { softTimeLimit = limits.softTimeLimit, timeLimit = limits.timeLimit } =
      control.options.of(task)
    return {
      softTimeLimit: request.softTimeLimit ?? softTimeLimit,
      timeLimit: request.timeLimit ?? timeLimit,
    }
  }

  #policyOf({ task }: Job): AckPolicy {
    let policy = this.#policies.get(task.name)
    if (policy === undefined) {
      // As in Celery, an eager task has no message that could come again.
      const isEager = this.#parts.app.config.task_always_eager
      policy = new AckPolicy(isEager ? { acksLate: false } : task.options, this.#ackSettings)
      this.#policies.set(task.name, policy)
    }
    return policy
  }
}

function reasonToKeep(outcome: Outcome): unknown {
  if (outcome.kind === 'failure') return outcome.error
  return outcome.kind === 'reject' ? new Reject(outcome.reason) : new Reject(outcome.kind)
}
