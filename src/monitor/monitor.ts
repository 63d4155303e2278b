import { sleep } from '../async/sleep.ts'
import type { Broker, ConsumerProblem } from '../brokers/broker.ts'
import { DeadLetters } from '../brokers/dead-letters/dead-letters.ts'
import { declaredPublisher } from '../brokers/declared-publisher.ts'
import type { Config } from '../config/config.ts'
import { limitsOf } from '../config/message-limits.ts'
import type { Database } from '../database/database.ts'
import { requireMigrations } from '../database/migrate.ts'
import type { Service } from '../lifecycle/service.ts'
import { type Logger, silentLogger } from '../logger.ts'
import type { Topology } from '../protocol/routing/topology.ts'
import { type EventQueueSettings, eventQueueName, eventTopology } from './events/event-topology.ts'
import { WorkerClocks } from './events/worker-clocks.ts'
import type { BatchLimits } from './intake/backlog.ts'
import { BatchTransaction, type Recorded } from './intake/batch-transaction.ts'
import { Batcher, MOST_WRITERS } from './intake/batcher.ts'
import { Decoder } from './intake/decoder.ts'
import { FlowControl } from './intake/flow-control.ts'
import { OutageLog } from './intake/outage-log.ts'
import { QueueConsumer } from './intake/queue-consumer.ts'
import { WorkQueues } from './mirror/work-queues.ts'
import { type BatchReport, MonitorCounters, type MonitorStats } from './monitor-stats.ts'
import { partitions } from './partitions.ts'
import { Privacy, type PrivacySettings } from './privacy/privacy.ts'
import { saveRules } from './privacy/save-rules.ts'
import { pruneTimer, type RetentionSettings } from './retention/prune-timer.ts'
import { VaultJobs } from './scheduled/vault-jobs.ts'
import { StateJobs, type StateOptions, type StateSettings } from './states/state-jobs.ts'

export interface MonitorOptions {
  readonly broker: Broker
  readonly database: Database
  /** Names the queues, and the topology they are part of; says what may be stored, and for how long. */
  readonly config: Pick<Config, 'platformQueue' | 'topology'> &
    Partial<
      Pick<Config, 'MESSAGE_LIMIT_BYTES' | 'MESSAGE_LIMIT_NODES' | 'mirrorTopology' | 'TOPOLOGY'>
    > &
    EventQueueSettings &
    PrivacySettings &
    RetentionSettings &
    StateSettings
  /** Whether the events of workers are recorded, where the broker carries them. Default true. */
  readonly events?: boolean
  readonly logger?: Logger
  /** The most messages one transaction writes. Default 1000. */
  readonly batchSize?: number
  /** The most bytes one transaction writes, unless a single message is larger. Default 8 MiB. */
  readonly maxBatchBytes?: number
  /** The most messages taken from the queue and not yet recorded. Default seven batches. */
  readonly prefetch?: number
  /** Instead of the setting PRUNE_EVERY; 0 is never. */
  readonly pruneEveryMs?: number
  /** Called for each batch once it is committed and acked. */
  readonly onBatch?: (batch: BatchReport) => void
  /** How stored results become part of the record, and lost tasks are found. */
  readonly states?: StateOptions
}

const BATCH_SIZE = 1000
const BATCH_BYTES = 8 * 1024 * 1024
/** Those that are written, and as many as arrive meanwhile. */
const BATCHES_IN_HAND = MOST_WRITERS + 3
const STOP_GRACE_MS = 10_000

/**
 * Journey 6/8, monitor: the copies that the platform queue gets of every message, and the events of workers and
 * tasks, become rows in Postgres.
 * A delivery is acked once its row is committed. Next: Postgres, in write-batch.ts.
 */
export class Monitor {
  readonly #options: MonitorOptions
  readonly #logger: Logger
  readonly #limits: BatchLimits
  readonly #counters = new MonitorCounters()
  readonly #clocks: WorkerClocks
  readonly #reader: Decoder
  readonly #intake: FlowControl
  readonly #writer: Batcher
  readonly #partitions: Service
  readonly #absence: OutageLog
  readonly #pruning: Service
  readonly #deadLetters: DeadLetters
  readonly #states: StateJobs
  readonly #vault: VaultJobs
  readonly #givingUp = new AbortController()
  #stopping: Promise<void> | undefined

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
    const publisher = declaredPublisher(options.broker, () => config.topology())
    this.#vault = new VaultJobs({ broker: publisher, database, queues, privacy, logger })
    this.#clocks = new WorkerClocks(this.#logger)
    this.#reader = new Decoder({
      clocks: this.#clocks,
      platformQueue: config.platformQueue,
      queues,
      privacy,
      limits: limitsOf(config),
      onRead: (one) => this.#writer.add(one),
    })
    this.#intake = new FlowControl(this.#logger)
    this.#deadLetters = new DeadLetters({
      broker: options.broker,
      logger: this.#logger,
      code: 'ROW_REFUSED',
      onHeld: (_queue, isHeld) => this.#holdForDeadLetters(isHeld),
    })
    this.#partitions = partitions(database, this.#logger)
    this.#absence = new OutageLog({ logger: this.#logger, behind: () => this.#behind() })
    this.#pruning = pruneTimer(database, config, {
      logger: this.#logger,
      everyMs: options.pruneEveryMs,
    })
    const takesEvents = options.events !== false && options.broker.carriesEvents
    this.#states = new StateJobs({
      ...options,
      logger,
      eventQueue: takesEvents ? eventQueueName(config) : undefined,
      options: options.states,
    })
    const common = { logger: this.#logger, signal: this.#givingUp.signal }
    const recorder = new BatchTransaction({
      ...common,
      database,
      onAway: (cause) => this.#onAway(cause),
      onBack: () => this.#onBack(),
    })
    this.#writer = new Batcher({
      ...common,
      recorder,
      limits: this.#limits,
      intake: this.#intake,
      counters: this.#counters,
      settle: (outcome) => this.#settle(outcome),
      onBatch: options.onBatch,
    })
  }

  /** Resolves once it consumes; rejects where the database or the broker are not as they should be. */
  async start(): Promise<void> {
    const { broker, config, database } = this.#options
    await requireMigrations(database)
    await saveRules(database, config.REDACT ?? [])
    await this.#partitions.start()
    await this.#rememberClocks()
    await this.#feed(config.platformQueue, mirrorTopologyOf(config)).open()
    await this.#openEvents()
    await this.#pruning.start()
    await this.#states.start()
    await this.#vault.start()
    this.#logger.info({ broker: broker.safeUrl, database: database.safeUrl }, 'monitor started')
  }

  /** Writes what is in hand, for `graceMs` at most; what is left then comes again to the next monitor. */
  async stop(options: { readonly graceMs?: number } = {}): Promise<void> {
    this.#stopping ??= this.#stop(options.graceMs ?? STOP_GRACE_MS)
    await this.#stopping
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** Why it does not take from a queue that it should take from, besides what its broker knows. */
  get problems(): readonly ConsumerProblem[] {
    return this.#deadLetters.problems
  }

  stats(): MonitorStats {
    return this.#counters.stats(this.#writer.backlog)
  }

  async #rememberClocks(): Promise<void> {
    const workers = await this.#options.database.query<{ hostname: string; drift: number }>(
      'SELECT hostname, drift_s AS drift FROM monitor.worker WHERE drift_s IS NOT NULL',
    )
    for (const { hostname, drift } of workers) this.#clocks.remember(hostname, drift * 1000)
  }

  /** Without them there is still the record of all messages, so a failure is no reason to stop. */
  async #openEvents(): Promise<void> {
    const { broker, config, events = true } = this.#options
    if (!(events && broker.carriesEvents)) return
    await this.#feed(eventQueueName(config), eventTopology(config)).openOrTryLater()
  }

  #feed(queue: string, topology: Topology): QueueConsumer {
    return new QueueConsumer({
      broker: this.#options.broker,
      queue,
      topology,
      prefetch: this.#options.prefetch ?? BATCHES_IN_HAND * this.#limits.messages,
      intake: this.#intake,
      onDelivery: (delivery) => this.#reader.read(delivery),
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
    void (isHeld ? this.#intake.hold('dead-letter') : this.#intake.release('dead-letter'))
  }

  #onAway(cause: unknown): void {
    this.#counters.away(cause)
    this.#logger.warn({ err: cause }, 'database unreachable, consuming paused until it is back')
    void this.#intake.hold('database')
    this.#absence.begin()
  }

  #onBack(): void {
    this.#counters.back()
    this.#logger.info('database reachable again, consuming resumed')
    void this.#intake.release('database')
    this.#absence.end()
  }

  async #behind(): Promise<Readonly<Record<string, unknown>>> {
    const { broker, config } = this.#options
    const { messages: queued } = await broker.depth(config.platformQueue)
    const { waiting, lagMs, lastError } = this.stats()
    return { queued, waiting, lagMs, lastError }
  }

  async #stop(graceMs: number): Promise<void> {
    const jobs = Promise.allSettled([
      this.#pruning.stop(),
      this.#partitions.stop(),
      this.#states.stop(),
      this.#vault.stop(),
    ])
    this.#absence.end()
    await this.#intake.hold('stopping')
    this.#deadLetters.stop()
    const patience = new AbortController()
    await Promise.race([this.#drained(), sleep(graceMs, patience.signal).catch(() => undefined)])
    patience.abort()
    this.#givingUp.abort()
    await this.#intake.close()
    const stuck = (await jobs).find((job) => job.status === 'rejected')
    this.#logger.info({ ...this.stats() }, 'monitor stopped')
    if (stuck !== undefined) throw stuck.reason
  }

  async #drained(): Promise<void> {
    await this.#reader.drained()
    await this.#writer.drained()
  }
}

/** Of a config that has no topology of its own for the mirror, the whole. */
function mirrorTopologyOf(config: MonitorOptions['config']): Topology {
  return config.mirrorTopology?.() ?? config.topology()
}
