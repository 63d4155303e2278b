import { deferred } from '../async/deferred.ts'
import { sleep } from '../async/sleep.ts'
import { startTimer, type Timer } from '../async/timer.ts'
import type { Broker, ConsumerProblem } from '../brokers/broker.ts'
import { DeadLetters } from '../brokers/dead-letters/dead-letters.ts'
import { TaskError } from '../errors.ts'
import type { Service } from '../lifecycle/service.ts'
import type { StopHow } from '../lifecycle/stop-on-signals.ts'
import type { Logger } from '../logger.ts'
import type { VaultDispatcher } from '../schedule/vault-dispatcher.ts'
import type { App } from '../tasks/app/app.ts'
import type { Task } from '../tasks/task.ts'
import { loadTelemetry } from '../telemetry/traces/open-telemetry.ts'
import { builtInTasks } from './built-in/built-in-tasks.ts'
import { abandonedChords } from './canvas/abandoned-chords.ts'
import { WorkerControl } from './control/worker-control.ts'
import { workerUnderControl } from './control/worker-under-control.ts'
import type { Job } from './job.ts'
import { OutcomeStore } from './outcomes/outcome-store.ts'
import { surviveRejections } from './outcomes/rejections.ts'
import { isInChild } from './pools/children/in-child.ts'
import { JobPools } from './pools/job-pools.ts'
import { Admission } from './receiving/admission.ts'
import { firstConnection } from './receiving/first-connection.ts'
import { ForeignMessages } from './receiving/foreign-messages.ts'
import { KnownJobs } from './receiving/known-jobs.ts'
import { Receiver, type ReceiverParts } from './receiving/receiver.ts'
import { WorkQueues } from './receiving/work-queues.ts'
import { TaskRunner } from './task-runner.ts'
import { UnfinishedWork } from './unfinished-work.ts'
import { EtaWaits } from './waiting/eta-waits.ts'
import { WaitingJobs } from './waiting/waiting-jobs.ts'
import { WorkerEvents } from './worker-events.ts'
import {
  prefetchFor,
  type WorkerOptions,
  type WorkerSettings,
  workerSettings,
} from './worker-options.ts'

/**
 * Journey 4/8, worker: takes deliveries from the work queues, runs their tasks and settles each exactly once.
 * The way of one delivery: receive -> accept -> (hold until its eta) -> slot -> run -> conclude, in task-runner.ts.
 */
export class Worker implements AsyncDisposable {
  readonly settings: WorkerSettings
  readonly #app: App
  readonly #options: WorkerOptions
  readonly #logger: Logger
  readonly #tasks: ReadonlyMap<string, Task<readonly never[], unknown>>
  readonly #pools: JobPools
  readonly #waiting: WaitingJobs
  readonly #admission: Admission
  /** Only beside a plain Celery, whose queues other workers share. */
  readonly #foreign: ForeignMessages | undefined
  readonly #control: WorkerControl
  readonly #known = new KnownJobs()
  readonly #queues: WorkQueues
  readonly #unfinished: UnfinishedWork
  /** Deliveries come from it. */
  #reading: Broker | undefined
  #kept: DeadLetters | undefined
  #runner: TaskRunner | undefined
  #events: WorkerEvents | undefined
  #abandoned: Service | undefined
  #dispatcher: VaultDispatcher | undefined
  #forgetRejections: () => void = () => undefined
  #stopping: Promise<void> | undefined
  readonly #starting = new AbortController()
  readonly #onLost = (): void => {
    this.#known.connectionLost()
    const { worker_cancel_long_running_tasks_on_connection_loss: isCancelling } = this.#app.config
    if (isCancelling) this.#runner?.cancelLate()
  }
  readonly #ended = deferred()
  readonly #graces: Timer[] = []
  readonly #idling = new AbortController()

  constructor(app: App, options: WorkerOptions = {}) {
    this.settings = workerSettings(app.config, options)
    this.#app = app
    this.#options = options
    this.#logger = app.logger.child({ worker: this.settings.name })
    this.#tasks = builtInTasks(app)
    this.#unfinished = new UnfinishedWork(this.#logger)
    this.#pools = this.#openPools()
    this.#waiting = new WaitingJobs({
      poolOf: (job) => this.#pools.nameOf(job),
      slotsOf: (pool) => this.#pools.all.slotsOf(pool),
      start: (job) => this.#unfinished.add(this.#perform(job)),
      limitOf: (job) => this.#rateLimitOf(job),
      onHeld: (queue) => this.#queues.adjust(queue),
    })
    this.#queues = new WorkQueues({
      app,
      settings: this.settings,
      held: () => this.#waiting.held + (this.#foreign?.room ?? 0),
      freeSlots: () => this.#freeSlots(),
      track: (work) => this.#unfinished.add(work),
      logger: this.#logger,
    })
    this.#control = this.#controlled()
    this.#foreign = this.#foreignMessages()
    const etas = new EtaWaits({
      app,
      logger: this.#logger,
      hold: (job, dueAt) => this.#waiting.hold(job, dueAt),
      onMoved: (job) => this.#known.delete(job),
      track: (work) => this.#unfinished.add(work),
    })
    this.#admission = new Admission({
      known: this.#known,
      control: this.#control,
      etas,
      waiting: this.#waiting,
      unfinished: this.#unfinished,
      logger: this.#logger,
      runner: () => this.#runner,
      events: () => this.#events,
      onAdmitted: () => this.#pools.all.look(),
    })
  }

  /** Resolves once it has stopped, for any reason. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  /** The queues it takes from now. */
  get queues(): readonly string[] {
    return this.#queues.list.map(({ name }) => name)
  }

  /** Tasks that run now. */
  get running(): number {
    return this.#waiting.running
  }

  /** Why it does not take from a queue that it should take from, besides what its broker knows. */
  get problems(): readonly ConsumerProblem[] {
    return this.#kept?.problems ?? []
  }

  /** Declares what is needed and starts to consume. Throws `BrokerError`, `ResultError`, `DatabaseError`. */
  async start(): Promise<void> {
    if (isInChild()) {
      throw new TaskError(
        'TASK_INVALID',
        'the module of the app starts a worker when a child of a pool loads it; start the worker in another module',
      )
    }
    const broker = await firstConnection(this.#app, this.#starting.signal)
    const results = await this.#app.results()
    await loadTelemetry()
    await this.#control.load()
    const kept = new DeadLetters({
      broker,
      logger: this.#logger,
      code: 'TASK_REJECTED',
      onHeld: (queue, isHeld) => this.#queues.pause(queue, isHeld),
      onKept: this.#options.onKept,
    })
    this.#kept = kept
    const events = this.#openEvents(broker)
    this.#events = events
    const outcomes = new OutcomeStore({
      app: this.#app,
      results,
      logger: this.#logger,
      worker: this.settings.name,
    })
    this.#runner = new TaskRunner({
      app: this.#app,
      broker,
      outcomes,
      poolOf: (job) => this.#pools.of(job),
      kept,
      known: this.#known,
      events: events.tasks,
      control: this.#control,
      limits: this.settings.limits,
      logger: this.#logger,
      worker: this.settings.name,
      onTaskError: this.#options.onTaskError,
      onRun: this.#options.onRun,
    })
    const receiver = this.#openReceiver({ kept, outcomes, events: events.tasks })
    // An eager app has no process of its own: what its other code forgets is not for us to hide.
    if (!this.#app.config.task_always_eager) {
      this.#forgetRejections = surviveRejections(this.#logger)
    }
    await this.#pools.start()
    events.start()
    const reading = this.#app.readingBroker()
    this.#reading = reading
    reading.on('lost', this.#onLost)
    await this.#control.listen(reading, results)
    await this.#queues.take(reading, (delivery) => receiver.receive(delivery))
    this.#abandoned = abandonedChords({ app: this.#app, results, logger: this.#logger })
    await this.#abandoned.start()
    this.#dispatcher = await this.#app.waiting.dispatcher(await this.#app.outgoing())
    await this.#dispatcher?.start()
    const { queues, concurrency, prefetch } = this.settings
    this.#logger.info(
      { queues, concurrency, prefetch, tasks: this.#app.tasks.names },
      'worker ready',
    )
  }

  /**
   * Takes nothing new, gives back what has not started, waits for what runs up to `graceMs`, then abandons it:
   * late-acknowledged tasks go back to their queue. Called again, it only shortens the wait.
   */
  async stop({ graceMs = Number.POSITIVE_INFINITY, idleMs = 0 }: StopHow = {}): Promise<void> {
    if (this.#stopping === undefined) this.#stopping = this.#stop(idleMs)
    if (graceMs <= 0) this.#abandonAll()
    else this.#graces.push(startTimer(graceMs, () => this.#abandonAll()))
    await this.#stopping
  }

  #abandonAll(): void {
    this.#idling.abort()
    this.#runner?.abandonAll()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #stop(idleMs: number): Promise<void> {
    this.#admission.close()
    this.#starting.abort(new Error('the worker is stopping'))
    this.#waiting.pause()
    this.#logger.info(
      { running: this.#waiting.running, held: this.#waiting.held },
      'worker stopping',
    )
    await this.#queues.stop()
    await Promise.all(this.#waiting.release().map(async (job) => job.delivery.requeue()))
    this.#kept?.stop()
    this.#foreign?.release()
    this.#runner?.endPatience()
    const isIdle = this.#unfinished.isEmpty
    if (isIdle && idleMs > 0) await sleep(idleMs, this.#idling.signal).catch(() => undefined)
    await this.#unfinished.ended()
    for (const grace of this.#graces) grace.clear()
    await this.#pools.all.stop()
    await this.#stopLooking()
    await this.#dispatcher?.stop()
    await this.#queues.close()
    this.#reading?.off('lost', this.#onLost)
    await this.#events?.stop()
    await this.#control.close()
    this.#forgetRejections()
    this.#logger.info('worker stopped')
    this.#ended.resolve()
  }

  /** A result store that does not answer keeps nothing else from its stop. */
  async #stopLooking(): Promise<void> {
    await this.#abandoned?.stop().catch((error: unknown) => {
      this.#logger.warn({ err: error }, 'a chord whose worker was lost is still being started')
    })
  }

  #openEvents(broker: Broker): WorkerEvents {
    return new WorkerEvents({
      app: this.#app,
      broker,
      name: this.settings.name,
      options: this.#options,
      logger: this.#logger,
      active: () => this.#waiting.running,
    })
  }

  #openReceiver(parts: Pick<ReceiverParts, 'kept' | 'outcomes' | 'events'>): Receiver {
    return new Receiver({
      ...parts,
      app: this.#app,
      taskNamed: (name) => this.#taskNamed(name),
      track: (work) => this.#unfinished.add(work),
      onJob: (job) => this.#admission.admit(job),
      foreign: this.#foreign,
    })
  }

  #freeSlots(): number {
    const most = this.#app.config.worker_eta_task_limit ?? Number.POSITIVE_INFINITY
    return this.#waiting.held >= most ? 0 : this.#pools.all.slots - this.#waiting.busy
  }

  #openPools(): JobPools {
    return new JobPools({
      app: this.#app,
      options: this.#options,
      settings: this.settings,
      builtIn: this.#tasks,
      needed: (pool) => this.#waiting.busyIn(pool),
      onResized: (pool, slots) => {
        this.#waiting.resize(pool, slots)
        const most = this.#pools.all.autoscale?.max ?? slots
        this.#queues.setPrefetch(prefetchFor(most, this.settings.prefetchMultiplier))
        this.#queues.wake()
      },
      events: () => this.#events?.tasks,
      track: (work) => this.#unfinished.add(work),
      logger: this.#logger,
    })
  }

  #foreignMessages(): ForeignMessages | undefined {
    if (this.#app.config.TOPOLOGY !== 'celery') return undefined
    return new ForeignMessages({
      logger: this.#logger,
      consumersOf: async (queue) => (await this.#reading?.depth(queue))?.consumers ?? 1,
      onHeld: (queue) => this.#queues.adjust(queue),
      onLeave: (queue) => this.#queues.pause(queue, true),
    })
  }

  #taskNamed(name: string): Task<readonly never[], unknown> | undefined {
    return this.#app.tasks.get(name) ?? this.#tasks.get(name)
  }

  #rateLimitOf({ task }: Job): string | number | null | undefined {
    const { worker_disable_rate_limits: isOff, task_default_rate_limit: byDefault } =
      this.#app.config
    return isOff ? null : (this.#control.options.of(task).rateLimit ?? byDefault)
  }

  #controlled(): WorkerControl {
    const { name, stateDb } = this.settings
    const worker = workerUnderControl({
      app: this.#app,
      name,
      queues: this.#queues,
      waiting: this.#waiting,
      pools: this.#pools.all,
      builtInNames: [...this.#tasks.keys()],
      taskNamed: (task) => this.#taskNamed(task),
      admission: () => this.#admission,
      runner: () => this.#runner,
      events: () => this.#events,
      shutDown: () => this.#shutDown(),
    })
    const { gossip: gossips = true, mingle: mingles = true } = this.#options
    return new WorkerControl({
      app: this.#app,
      logger: this.#logger,
      worker,
      stateDb,
      gossips,
      mingles,
    })
  }

  /** Remote control asks for it, and does not wait for its end. */
  #shutDown(): void {
    const { graceMs } = this.#options
    this.stop(graceMs === undefined ? {} : { graceMs }).catch((error: unknown) => {
      this.#logger.error({ err: error }, 'the worker did not stop as it should')
    })
  }

  async #perform(job: Job): Promise<void> {
    try {
      await this.#runner?.perform(job, () => {
        this.#waiting.free(job)
        this.#queues.wake()
      })
    } finally {
      this.#known.delete(job)
    }
  }
}
