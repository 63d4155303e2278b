import { PassingMap, PassingSet } from '../async/passing.ts'
import type { Broker } from '../brokers/broker.ts'
import type { EventFields } from '../events/event-fields.ts'
import type { SignatureDict, TaskRequest } from '../protocol/tasks/task-request.ts'
import { parseIso } from '../protocol/times.ts'
import { type RunTrace, traceRun, UNTRACED } from '../telemetry/traces/trace-run.ts'
import { addToChord } from './canvas/added-member.ts'
import type { SetByControl } from './control/worker-control.ts'
import type { Job, RunningJob } from './job.ts'
import { AckPolicy, type AckSettings, ackSettings } from './outcomes/ack-policy.ts'
import { type ConclusionParts, Conclusions } from './outcomes/conclusions.ts'
import { LostRuns } from './outcomes/lost-runs.ts'
import type { Outcome } from './outcomes/outcome.ts'
import { isLargeOutcome } from './outcomes/outcome-weight.ts'
import { traceOutcome } from './outcomes/traced-outcome.ts'
import { PoisonGuard } from './poison-guard.ts'
import type { Pool, PoolRun, RunLimits, Termination } from './pools/pool.ts'

interface RunnerParts extends ConclusionParts {
  readonly broker: Broker
  /** The pool that runs a job. */
  readonly poolOf: (job: Job) => Pool
  readonly control: SetByControl
  /** Of tasks that have none of their own. */
  readonly limits: RunLimits
  readonly worker: string
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

/** Runs jobs that have a slot, each to its outcome; what comes of that is concluded in outcomes/conclusions.ts. */
export class TaskRunner {
  readonly #parts: RunnerParts
  readonly #ackSettings: AckSettings
  readonly #policies = new Map<string, AckPolicy>()
  readonly #running = new PassingMap<PoolRun, RunningJob>()
  readonly #jobs = new PassingSet<Job>()
  /** Those whose callers get an outcome, as they wait for a run that was cut short. */
  readonly #cancelled = new WeakSet<Job>()
  readonly #totals = new Map<string, number>()
  readonly #lost: LostRuns
  readonly #poison: PoisonGuard
  readonly #conclusions: Conclusions
  #concluding = 0

  constructor(parts: RunnerParts) {
    this.#parts = parts
    this.#ackSettings = ackSettings(parts.app.config)
    this.#conclusions = new Conclusions(parts)
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
    this.#conclusions.endPatience()
  }

  /** Ends every run without waiting for it. */
  abandonAll(): void {
    this.#conclusions.abandonAll()
    for (const [run, { job }] of this.#running) {
      // As in Celery: the broker delivers the message of a late-acked task again, so no event is needed.
      if (!this.#policyOf(job).isLate) this.#cancelled.add(job)
      run.abandon()
    }
  }

  /** Ends those whose messages are to be acknowledged after the run, and come again. */
  cancelLate(): void {
    for (const [run, { job }] of this.#running) {
      const { id: taskId, task } = job.request
      if (!this.#policyOf(job).isLate || job.delivery.isSettled) continue
      this.#parts.logger.warn({ taskId, task }, 'the connection is lost, a task is cancelled')
      this.#cancelled.add(job)
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
  terminate(matches: (request: TaskRequest) => boolean, how: Termination): readonly string[] {
    const meant = [...this.#running].filter(([, { job }]) => matches(job.request))
    for (const [run] of meant) run.terminate(how)
    return meant.map(([, { job }]) => job.request.id)
  }

  /** Ends a job that has not started, and never will, as revoked. */
  async discard(job: Job): Promise<void> {
    const acks = new AckPolicy({ acksLate: true }, this.#ackSettings)
    const revoked = { kind: 'revoked', reason: 'revoked' } as const
    await this.#conclusions.conclude(job, revoked, { acks, isLarge: false })
  }

  /**
   * Runs one job. `onFree` is called when the function has ended: what is left needs no slot, unless so many
   * outcomes wait to be stored that taking on more would only pile them up.
   */
  async perform(job: Job, onFree: () => void): Promise<void> {
    const { request, delivery } = job
    const { worker } = this.#parts
    const trace = traceRun(request, { worker, routingKey: delivery.route.routingKey })
    if (trace === UNTRACED) return await this.#perform(job, trace, onFree)
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
    // What a large one takes is bounded by the slots: no other run begins in its place until it is stored.
    const isLarge = isLargeOutcome(outcome)
    const isCrowded = isLarge || this.#concluding > MOST_CONCLUDING
    if (!isCrowded) onFree()
    await this.#conclusions.conclude(job, outcome, { acks, isLarge })
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
    if (this.#isTaken(job)) return { kind: 'abandoned' }
    if (outcome.kind === 'abandoned') return { ...outcome, isCancelled: this.#cancelled.has(job) }
    return this.#lost.outcomeOf(job, outcome)
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
