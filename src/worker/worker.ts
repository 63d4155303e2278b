import type { ConsumerProblem } from '../brokers/broker.ts'
import { TaskError } from '../errors.ts'
import { madeAtStart, type Service, service } from '../lifecycle/service.ts'
import type { StopHow } from '../lifecycle/stop-on-signals.ts'
import { supervisor } from '../lifecycle/supervisor.ts'
import type { Logger } from '../logger.ts'
import type { ResultStore } from '../results/result-store.ts'
import type { App } from '../tasks/app/app.ts'
import { loadTelemetry } from '../telemetry/traces/open-telemetry.ts'
import { builtInTasks } from './built-in/built-in-tasks.ts'
import { abandonedChords } from './canvas/abandoned-chords.ts'
import { setByControl, WorkerControl } from './control/worker-control.ts'
import { workerUnderControl } from './control/worker-under-control.ts'
import { unhandledRejections } from './outcomes/rejections.ts'
import { isInChild } from './pools/children/in-child.ts'
import { firstConnection } from './receiving/first-connection.ts'
import { queuesOf } from './receiving/work-queues.ts'
import { TaskConsumer } from './task-consumer.ts'
import { WorkerEvents } from './worker-events.ts'
import { type WorkerOptions, type WorkerSettings, workerSettings } from './worker-options.ts'

/** What a worker is made of, once it is connected. */
interface WorkerParts {
  readonly results: ResultStore
  readonly events: WorkerEvents
  readonly consumer: TaskConsumer
  readonly control: WorkerControl
}

/** For all of a stop but the tasks that run. */
const STOP_WITHIN_MS = 30_000

/**
 * Journey 4/7, worker: takes deliveries from the work queues (task-consumer.ts), runs their tasks (task-runner.ts) and settles
 * each exactly once. Next: the result, in results/result-store.ts.
 */
export class Worker implements AsyncDisposable {
  readonly settings: WorkerSettings
  readonly #app: App
  readonly #options: WorkerOptions
  readonly #logger: Logger
  readonly #life: Service
  #consumer: TaskConsumer | undefined
  #idleMs = 0

  constructor(app: App, options: WorkerOptions = {}) {
    this.settings = workerSettings(app.config, options)
    this.#app = app
    this.#options = options
    this.#logger = app.logger.child({ worker: this.settings.name })
    this.#life = madeAtStart('worker', async (signal) =>
      supervisor({
        name: 'worker',
        services: this.#services(await this.#connect(signal)),
        logger: this.#logger,
      }),
    )
  }

  /** Resolves once it has stopped, for any reason. */
  get ended(): Promise<void> {
    return this.#life.ended.then(() => undefined)
  }

  /** The queues it takes from now. */
  get queues(): readonly string[] {
    const queues = this.#consumer?.queues.list ?? queuesOf(this.#app, this.settings)
    return queues.map(({ name }) => name)
  }

  /** Tasks that run now. */
  get running(): number {
    return this.#consumer?.waiting.running ?? 0
  }

  /** Why it does not take from a queue that it should take from, besides what its broker knows. */
  get problems(): readonly ConsumerProblem[] {
    return this.#consumer?.problems ?? []
  }

  /** Declares what is needed and starts to consume. Throws `BrokerError`, `ResultError`, `DatabaseError`; then make a new worker. */
  async start(): Promise<void> {
    if (isInChild()) {
      throw new TaskError(
        'TASK_INVALID',
        'the module of the app starts a worker when a child of a pool loads it; start the worker in another module',
      )
    }
    await this.#life.start()
  }

  /**
   * Takes nothing new, gives back what has not started, waits for what runs up to `graceMs`, then abandons it:
   * late-acknowledged tasks go back to their queue. Called again, it only shortens the wait. Rejects with SERVICE_STUCK
   * where all else is not over half a minute later.
   */
  async stop({ graceMs = Number.POSITIVE_INFINITY, idleMs = 0 }: StopHow = {}): Promise<void> {
    this.#idleMs = idleMs
    await this.#life.stop({ graceMs, withinMs: STOP_WITHIN_MS })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #connect(signal: AbortSignal): Promise<WorkerParts> {
    const [app, options, settings, logger] = [this.#app, this.#options, this.settings, this.#logger]
    const broker = await firstConnection(app, signal)
    const results = await app.results()
    await loadTelemetry()
    const builtIn = builtInTasks(app)
    const set = setByControl(app.config)
    const events = new WorkerEvents({
      app,
      broker,
      name: settings.name,
      options,
      logger,
      active: () => this.running,
    })
    const consumer = new TaskConsumer({
      app,
      broker,
      results,
      events,
      control: set,
      options,
      settings,
      builtIn,
      logger,
      idleMs: () => this.#idleMs,
    })
    this.#consumer = consumer
    const control = new WorkerControl({
      app,
      set,
      worker: workerUnderControl({
        app,
        name: settings.name,
        consumer,
        events,
        builtInNames: [...builtIn.keys()],
        shutDown: () => this.#shutDown(),
      }),
      stateDb: settings.stateDb,
      gossips: options.gossip ?? true,
      mingles: options.mingle ?? true,
      logger,
    })
    await control.load()
    return { results, events, consumer, control }
  }

  /** In the order in which they start; they are drained and stopped in reverse. */
  #services({ results, events, consumer, control }: WorkerParts): readonly Service[] {
    const [app, logger] = [this.#app, this.#logger]
    const { pools } = consumer
    return [
      service({ name: 'worker', stop: async () => logger.info('worker stopped') }),
      unhandledRejections(app.config.task_always_eager, logger),
      service({
        name: 'pools',
        start: async () => pools.start(),
        stop: async () => pools.all.stop(),
      }),
      service({
        name: 'events',
        start: async () => events.start(),
        stop: async () => events.stop(),
      }),
      service({
        name: 'remote control',
        start: async () => control.listen(app.readingBroker(), results),
        stop: async () => control.close(),
      }),
      consumer.service(),
      abandonedChords({ app, results, logger }),
      madeAtStart('vault', async () => app.waiting.dispatcher(await app.outgoing())),
      service({ name: 'ready', start: async () => this.#logReady() }),
    ]
  }

  #logReady(): void {
    const { queues, concurrency, prefetch } = this.settings
    const about = { queues, concurrency, prefetch, tasks: this.#app.tasks.names }
    this.#logger.info(about, 'worker ready')
  }

  /** Remote control asks for it, and does not wait for its end. */
  #shutDown(): void {
    const { graceMs } = this.#options
    this.stop(graceMs === undefined ? {} : { graceMs }).catch((error: unknown) => {
      this.#logger.error({ err: error }, 'the worker did not stop cleanly')
    })
  }
}
