import { aborted, unlessAborted } from '../async/aborted.ts'
import type { ConsumerProblem } from '../brokers/broker.ts'
import { DeadLetters } from '../brokers/dead-letters/dead-letters.ts'
import { limitsOf } from '../config/message-limits.ts'
import { requireMigrations } from '../database/migrate.ts'
import { type Service, service } from '../lifecycle/service.ts'
import { supervisor } from '../lifecycle/supervisor.ts'
import { type Logger, silentLogger } from '../logger.ts'
import type { Topology } from '../protocol/routing/topology.ts'
import { eventQueueName, eventTopology } from './events/event-topology.ts'
import { WorkerClocks } from './events/worker-clocks.ts'
import { WorkQueues } from './mirror/work-queues.ts'
import { monitorJobs } from './monitor-jobs.ts'
import type { MonitorOptions } from './monitor-options.ts'
import { MonitorCounters, type MonitorStats } from './monitor-stats.ts'
import { Privacy } from './privacy/privacy.ts'
import { saveRules } from './privacy/save-rules.ts'
import type { BatchLimits } from './recording/backlog.ts'
import { BatchTransaction, type Recorded } from './recording/batch-transaction.ts'
import { Batcher, MOST_WRITERS } from './recording/batcher.ts'
import { Decoder } from './recording/decoder.ts'
import { FlowControl } from './recording/flow-control.ts'
import { InHand } from './recording/in-hand.ts'
import { OutageLog } from './recording/outage-log.ts'
import { QueueConsumer } from './recording/queue-consumer.ts'
import type { VaultRecorderOptions } from './scheduled/vault-recorder.ts'

const BATCH_SIZE = 1000
const BATCH_BYTES = 8 * 1024 * 1024
/** Those that are written, and as many as arrive meanwhile. */
const BATCHES_IN_HAND = MOST_WRITERS + 3
const STOP_GRACE_MS = 10_000
/** Of the grace; the rest is for connections to a server that has fallen silent, which do not say goodbye. */
const DRAINING = 0.7

/**
 * Journey 6/7, monitor: the copies that the platform queue gets of every message, and the events of workers and
 * tasks, become rows in Postgres (write-batch.ts). A delivery is acked once its row is committed. Next: the tables, in
 * migrations/.
 */
export class Monitor {
  readonly #options: MonitorOptions
  readonly #logger: Logger
  readonly #limits: BatchLimits
  readonly #counters = new MonitorCounters()
  readonly #clocks: WorkerClocks
  readonly #decoder: Decoder
  readonly #inHand: InHand
  readonly #flow: FlowControl
  readonly #batcher: Batcher
  readonly #outages: OutageLog
  readonly #deadLetters: DeadLetters
  readonly #givingUp = new AbortController()
  readonly #life: Service
  /** When the grace of a stop is over. */
  #endsAt = Number.POSITIVE_INFINITY

  constructor(options: MonitorOptions) {
    const { config, database, logger = silentLogger } = options
    this.#options = options
    this.#logger = logger.child({ queue: config.platformQueue })
    this.#limits = {
      messages: options.batchSize ?? BATCH_SIZE,
      bytes: options.maxBatchBytes ?? BATCH_BYTES,
    }
    const queues = new WorkQueues(config.topology(), config.platformQueue, config.TOPOLOGY)
    const privacy = new Privacy(config)
    this.#clocks = new WorkerClocks(this.#logger)
    this.#decoder = new Decoder({
      clocks: this.#clocks,
      platformQueue: config.platformQueue,
      queues,
      privacy,
      limits: limitsOf(config),
      onRead: (one) => this.#batcher.add(one),
    })
    this.#flow = new FlowControl(this.#logger)
    this.#inHand = new InHand(this.#flow)
    this.#deadLetters = new DeadLetters({
      broker: options.broker,
      logger: this.#logger,
      code: 'ROW_REFUSED',
      onHeld: (_queue, isHeld) => this.#holdForDeadLetters(isHeld),
    })
    this.#outages = new OutageLog({ logger: this.#logger, behind: () => this.#behind() })
    const common = { logger: this.#logger, signal: this.#givingUp.signal }
    const transaction = new BatchTransaction({
      ...common,
      database,
      onAway: (cause) => this.#onAway(cause),
      onBack: () => this.#onBack(),
    })
    this.#batcher = new Batcher({
      ...common,
      transaction,
      limits: this.#limits,
      inHand: this.#inHand,
      counters: this.#counters,
      settle: (outcome) => this.#settle(outcome),
      onBatch: options.onBatch,
    })
    this.#life = supervisor({
      name: 'monitor',
      services: this.#services({ queues, privacy }),
      logger: this.#logger,
    })
  }

  /** In the order in which they start; they are drained and stopped in reverse. */
  #services(parts: Pick<VaultRecorderOptions, 'queues' | 'privacy'>): readonly Service[] {
    const { days, others } = monitorJobs({
      ...this.#options,
      ...parts,
      clocks: this.#clocks,
      eventQueue: this.#takesEvents ? eventQueueName(this.#options.config) : undefined,
      leftMs: () => Math.max(0, this.#endsAt - performance.now()),
      ownLogger: this.#logger,
    })
    return [
      service({
        name: 'tables',
        start: async ({ signal }) => unlessAborted(signal, this.#prepare()),
        stop: async () => this.#logger.info({ ...this.stats() }, 'monitor stopped'),
      }),
      days,
      service({
        name: 'record',
        start: async ({ signal }) => unlessAborted(signal, this.#consume()),
        drain: async (cut) => this.#drain(cut),
        stop: async () => this.#giveBack(),
      }),
      others,
    ]
  }

  /** Resolves once it consumes; rejects where the database or the broker are not as they should be. */
  async start(): Promise<void> {
    const { broker, database } = this.#options
    await this.#life.start()
    this.#logger.info({ broker: broker.safeUrl, database: database.safeUrl }, 'monitor started')
  }

  /** Writes what is in hand, and ends within `graceMs` (default 10 s), also where the database is silent; what is left comes again to the next monitor. */
  async stop(options: { readonly graceMs?: number } = {}): Promise<void> {
    const graceMs = (options.graceMs ?? STOP_GRACE_MS) * DRAINING
    this.#endsAt = Math.min(this.#endsAt, performance.now() + graceMs)
    await this.#life.stop({ graceMs })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** Why it does not take from a queue that it should take from, besides what its broker knows. */
  get problems(): readonly ConsumerProblem[] {
    return this.#deadLetters.problems
  }

  stats(): MonitorStats {
    return this.#counters.stats(this.#batcher.backlog)
  }

  get #takesEvents(): boolean {
    const { broker, events = true } = this.#options
    return events && broker.carriesEvents
  }

  async #prepare(): Promise<void> {
    const { config, database } = this.#options
    await requireMigrations(database)
    await saveRules(database, config.REDACT ?? [])
  }

  async #consume(): Promise<void> {
    const { config } = this.#options
    await this.#rememberClocks()
    await this.#queueConsumer(config.platformQueue, mirrorTopologyOf(config)).open()
    if (!this.#takesEvents) return
    // Without them there is still the record of all messages, so a failure is no reason to stop.
    await this.#queueConsumer(eventQueueName(config), eventTopology(config)).openOrTryLater()
  }

  async #rememberClocks(): Promise<void> {
    const workers = await this.#options.database.query<{ hostname: string; drift: number }>(
      'SELECT hostname, drift_s AS drift FROM monitor.worker WHERE drift_s IS NOT NULL',
    )
    for (const { hostname, drift } of workers) this.#clocks.remember(hostname, drift * 1000)
  }

  #queueConsumer(queue: string, topology: Topology): QueueConsumer {
    return new QueueConsumer({
      broker: this.#options.broker,
      queue,
      topology,
      prefetch: this.#options.prefetch ?? BATCHES_IN_HAND * this.#limits.messages,
      flow: this.#flow,
      onDelivery: (delivery) => {
        this.#inHand.take(delivery)
        this.#decoder.read(delivery)
      },
      onProblem: (cause) => this.#counters.failed(cause),
      logger: this.#logger,
      signal: this.#givingUp.signal,
    })
  }

  async #settle({ recorded, refused }: Recorded): Promise<void> {
    await Promise.all(recorded.map(({ delivery }) => delivery.ack()))
    for (const { delivery, problem } of refused) await this.#deadLetters.keep(delivery, problem)
  }

  #holdForDeadLetters(isHeld: boolean): void {
    void (isHeld ? this.#flow.hold('dead-letter') : this.#flow.release('dead-letter'))
  }

  #onAway(cause: unknown): void {
    this.#counters.away(cause)
    this.#logger.warn({ err: cause }, 'database unreachable, consuming paused until it is back')
    void this.#flow.hold('database')
    this.#outages.begin()
  }

  #onBack(): void {
    this.#counters.back()
    this.#logger.info('database reachable again, consuming resumed')
    void this.#flow.release('database')
    this.#outages.end()
  }

  async #behind(): Promise<Readonly<Record<string, unknown>>> {
    const { broker, config } = this.#options
    const { messages: queued } = await broker.depth(config.platformQueue)
    const { waiting, lagMs, lastError } = this.stats()
    return { queued, waiting, lagMs, lastError }
  }

  /** Takes nothing new, and writes what it has. */
  async #drain(cut: AbortSignal): Promise<void> {
    this.#outages.end()
    await this.#flow.hold('stopping')
    this.#deadLetters.stop()
    await Promise.race([this.#drained(), aborted(cut)])
  }

  async #drained(): Promise<void> {
    await this.#decoder.drained()
    await this.#batcher.drained()
  }

  async #giveBack(): Promise<void> {
    this.#outages.end()
    this.#deadLetters.stop()
    this.#givingUp.abort()
    await this.#flow.close()
  }
}

/** Of a config that has no topology of its own for the mirror, the whole. */
function mirrorTopologyOf(config: MonitorOptions['config']): Topology {
  return config.mirrorTopology?.() ?? config.topology()
}
