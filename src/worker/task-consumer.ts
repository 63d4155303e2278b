import { sleep } from '../async/sleep.ts'
import type { Broker, ConsumerProblem } from '../brokers/broker.ts'
import { DeadLetters } from '../brokers/dead-letters/dead-letters.ts'
import { type Service, service } from '../lifecycle/service.ts'
import type { Logger } from '../logger.ts'
import type { ResultStore } from '../results/result-store.ts'
import type { App } from '../tasks/app/app.ts'
import type { Task } from '../tasks/task.ts'
import type { SetByControl } from './control/worker-control.ts'
import type { Job } from './job.ts'
import { OutcomeStore } from './outcomes/outcome-store.ts'
import { JobPools } from './pools/job-pools.ts'
import { Admission } from './receiving/admission.ts'
import { ForeignMessages } from './receiving/foreign-messages.ts'
import { KnownJobs } from './receiving/known-jobs.ts'
import { Receiver } from './receiving/receiver.ts'
import { WorkQueues } from './receiving/work-queues.ts'
import { TaskRunner } from './task-runner.ts'
import { UnfinishedWork } from './unfinished-work.ts'
import { EtaWaits } from './waiting/eta-waits.ts'
import { WaitingJobs } from './waiting/waiting-jobs.ts'
import type { WorkerEvents } from './worker-events.ts'
import { prefetchFor, type WorkerOptions, type WorkerSettings } from './worker-options.ts'

interface TaskConsumerParts {
  readonly app: App
  /** What is published goes to it. */
  readonly broker: Broker
  readonly results: ResultStore
  readonly events: WorkerEvents
  readonly control: SetByControl
  readonly options: WorkerOptions
  readonly settings: WorkerSettings
  /** Celery's own tasks, by their names. */
  readonly builtIn: ReadonlyMap<string, Task<readonly never[], unknown>>
  readonly logger: Logger
  /** How long a stop waits for tasks that may still come, where none runs. */
  readonly idleMs: () => number
}

/**
 * Takes deliveries, runs their tasks and settles each exactly once. The way of one delivery: receive -> admit -> (hold
 * until its eta) -> slot -> run -> conclude, in task-runner.ts.
 */
export class TaskConsumer {
  readonly pools: JobPools
  readonly waiting: WaitingJobs
  readonly queues: WorkQueues
  readonly runner: TaskRunner
  readonly admission: Admission
  readonly #parts: TaskConsumerParts
  readonly #receiver: Receiver
  readonly #kept: DeadLetters
  /** Only beside a plain Celery, whose queues other workers share. */
  readonly #foreign: ForeignMessages | undefined
  readonly #known = new KnownJobs()
  readonly #unfinished: UnfinishedWork
  /** Deliveries come from it. */
  #reading: Broker | undefined
  readonly #idling = new AbortController()
  #isLeaving = false

  constructor(parts: TaskConsumerParts) {
    const { app, broker, events, control, options, settings, logger } = parts
    this.#parts = parts
    this.#unfinished = new UnfinishedWork(logger)
    const track = (work: Promise<unknown> | undefined): void => this.#unfinished.add(work)
    this.pools = this.#openPools(track)
    this.waiting = new WaitingJobs({
      poolOf: (job) => this.pools.nameOf(job),
      slotsOf: (pool) => this.pools.all.slotsOf(pool),
      start: (job) => track(this.#perform(job)),
      limitOf: (job) => this.#rateLimitOf(job),
      onHeld: (queue) => this.queues.adjust(queue),
    })
    this.#foreign = this.#foreignMessages()
    this.queues = new WorkQueues({
      app,
      settings,
      held: () => this.waiting.held + (this.#foreign?.room ?? 0),
      freeSlots: () => this.#freeSlots(),
      track,
      logger,
    })
    this.#kept = new DeadLetters({
      broker,
      logger,
      code: 'TASK_REJECTED',
      onHeld: (queue, isHeld) => this.queues.pause(queue, isHeld),
      onKept: options.onKept,
    })
    const outcomes = new OutcomeStore({
      app,
      results: parts.results,
      logger,
      worker: settings.name,
    })
    const common = { app, kept: this.#kept, known: this.#known, outcomes, events: events.tasks }
    this.runner = new TaskRunner({
      ...common,
      broker,
      poolOf: (job) => this.pools.of(job),
      control,
      limits: settings.limits,
      logger,
      worker: settings.name,
      onTaskError: options.onTaskError,
      onRun: options.onRun,
    })
    this.admission = new Admission({
      ...common,
      control,
      etas: this.#etaWaits(track),
      waiting: this.waiting,
      unfinished: this.#unfinished,
      logger,
      runner: this.runner,
      onAdmitted: () => this.pools.all.look(),
    })
    this.#receiver = new Receiver({
      ...common,
      taskNamed: (name) => this.taskNamed(name),
      track,
      onJob: (job) => this.admission.admit(job),
      foreign: this.#foreign,
    })
  }

  /** Why it does not take from a queue that it should take from, besides what its broker knows. */
  get problems(): readonly ConsumerProblem[] {
    return this.#kept.problems
  }

  taskNamed(name: string): Task<readonly never[], unknown> | undefined {
    return this.#parts.app.tasks.get(name) ?? this.#parts.builtIn.get(name)
  }

  /** Runs from the first delivery to the last settlement. */
  service(): Service {
    return service({
      name: 'tasks',
      start: async () => this.#take(),
      drain: async (cut) => this.#leave(cut),
      stop: async () => this.#close(),
    })
  }

  async #take(): Promise<void> {
    const reading = this.#parts.app.readingBroker()
    this.#reading = reading
    reading.on('lost', this.#onLost)
    await this.queues.take(reading, (delivery) => this.#receiver.receive(delivery))
  }

  /** Takes nothing new, gives back what has not begun, and waits for what has, until it is cut short. */
  async #leave(cut: AbortSignal): Promise<void> {
    this.#isLeaving = true
    if (cut.aborted) this.#abandonAll()
    else cut.addEventListener('abort', () => this.#abandonAll(), { once: true })
    this.admission.close()
    this.waiting.pause()
    const { running, held } = this.waiting
    this.#parts.logger.info({ running, held }, 'worker stopping')
    await this.queues.stop()
    await Promise.all(this.waiting.release().map(async (job) => job.delivery.requeue()))
    this.#kept.stop()
    this.#foreign?.release()
    this.runner.endPatience()
    if (this.#unfinished.isEmpty) await this.#idle()
    await this.#unfinished.ended()
  }

  async #idle(): Promise<void> {
    const ms = this.#parts.idleMs()
    if (ms > 0) await sleep(ms, this.#idling.signal).catch(() => undefined)
  }

  #abandonAll(): void {
    this.#idling.abort()
    this.runner.abandonAll()
  }

  async #close(): Promise<void> {
    // A start that was cut short may have taken some already.
    if (!this.#isLeaving) await this.#leave(AbortSignal.abort())
    await this.queues.close()
    this.#reading?.off('lost', this.#onLost)
  }

  readonly #onLost = (): void => {
    this.#known.connectionLost()
    const { worker_cancel_long_running_tasks_on_connection_loss: isCancelling } =
      this.#parts.app.config
    if (isCancelling) this.runner.cancelLate()
  }

  async #perform(job: Job): Promise<void> {
    try {
      await this.runner.perform(job, () => {
        this.waiting.free(job)
        this.queues.wake()
      })
    } finally {
      this.#known.delete(job)
    }
  }

  #freeSlots(): number {
    const most = this.#parts.app.config.worker_eta_task_limit ?? Number.POSITIVE_INFINITY
    return this.waiting.held >= most ? 0 : this.pools.all.slots - this.waiting.busy
  }

  #rateLimitOf({ task }: Job): string | number | null | undefined {
    const { app, control } = this.#parts
    const { worker_disable_rate_limits: isOff, task_default_rate_limit: byDefault } = app.config
    return isOff ? null : (control.options.of(task).rateLimit ?? byDefault)
  }

  #openPools(track: (work: Promise<unknown> | undefined) => void): JobPools {
    const { app, options, settings, builtIn, events, logger } = this.#parts
    return new JobPools({
      app,
      options,
      settings,
      builtIn,
      needed: (pool) => this.waiting.busyIn(pool),
      onResized: (pool, slots) => {
        this.waiting.resize(pool, slots)
        const most = this.pools.all.autoscale?.max ?? slots
        this.queues.setPrefetch(prefetchFor(most, settings.prefetchMultiplier))
        this.queues.wake()
      },
      events: events.tasks,
      track,
      logger,
    })
  }

  #etaWaits(track: (work: Promise<unknown>) => void): EtaWaits {
    const { app, logger } = this.#parts
    return new EtaWaits({
      app,
      logger,
      hold: (job, dueAt) => this.waiting.hold(job, dueAt),
      onMoved: (job) => this.#known.delete(job),
      track,
    })
  }

  #foreignMessages(): ForeignMessages | undefined {
    const { app, logger } = this.#parts
    if (app.config.TOPOLOGY !== 'celery') return undefined
    return new ForeignMessages({
      logger,
      consumersOf: async (queue) => (await this.#reading?.depth(queue))?.consumers ?? 1,
      onHeld: (queue) => this.queues.adjust(queue),
      onLeave: (queue) => this.queues.pause(queue, true),
    })
  }
}
