import { retry } from '../async/backoff.ts'
import { sleep } from '../async/sleep.ts'
import type { Broker, Delivery } from '../brokers/broker.ts'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import { requireMigrations } from '../database/migrate.ts'
import { type Logger, silentLogger } from '../logger.ts'
import type { BatchLimits } from './intake/backlog.ts'
import { Intake } from './intake/intake.ts'
import { moveAside } from './intake/last-resort.ts'
import { type Recorded, Recorder } from './intake/recorder.ts'
import { Writer } from './intake/writer.ts'
import { mirrored } from './mirror/mirrored.ts'
import { WorkQueues } from './mirror/work-queues.ts'
import { type BatchReport, MonitorCounters, type MonitorStats } from './monitor-stats.ts'
import { Partitions } from './partitions.ts'
import { Privacy, type PrivacySettings } from './privacy/privacy.ts'
import { PruneTimer, type RetentionSettings } from './retention/prune-timer.ts'

export interface MonitorOptions {
  readonly broker: Broker
  readonly database: Database
  /** Names the platform queue, and the topology it is part of; says what may be stored, and for how long. */
  readonly config: Pick<Config, 'platformQueue' | 'topology'> & PrivacySettings & RetentionSettings
  readonly logger?: Logger
  /** The most messages one transaction writes. Default 1000. */
  readonly batchSize?: number
  /** The most bytes one transaction writes, unless a single message is larger. Default 8 MiB. */
  readonly maxBatchBytes?: number
  /** The most messages taken from the queue and not yet recorded. Default three batches. */
  readonly prefetch?: number
  /** Told of each batch once it is committed and acked. */
  readonly onBatch?: (batch: BatchReport) => void
}

const BATCH_SIZE = 1000
const BATCH_BYTES = 8 * 1024 * 1024
const STOP_GRACE_MS = 10_000
const CONSUME_BACKOFF = { initialMs: 200, factor: 2, maxMs: 10_000, jitter: 0.5 }

/**
 * Journey 6/8, monitor: the copies that the platform queue gets of every message become rows in Postgres.
 * A delivery is acked once its row is committed. Next: Postgres, in write-batch.ts.
 */
export class Monitor {
  readonly #options: MonitorOptions
  readonly #logger: Logger
  readonly #limits: BatchLimits
  readonly #queues: WorkQueues
  readonly #privacy: Privacy
  readonly #counters = new MonitorCounters()
  readonly #intake: Intake
  readonly #writer: Writer
  readonly #partitions: Partitions
  readonly #pruning: PruneTimer
  readonly #givingUp = new AbortController()
  /** Compressed messages that are being expanded. */
  readonly #expanding = new Set<Promise<void>>()
  #stopping: Promise<void> | undefined

  constructor(options: MonitorOptions) {
    const { config, database, logger = silentLogger } = options
    this.#options = options
    this.#logger = logger.child({ queue: config.platformQueue })
    this.#limits = {
      messages: options.batchSize ?? BATCH_SIZE,
      bytes: options.maxBatchBytes ?? BATCH_BYTES,
    }
    this.#queues = new WorkQueues(config.topology(), config.platformQueue)
    this.#privacy = new Privacy(config)
    this.#intake = new Intake(this.#logger)
    this.#partitions = new Partitions(database, this.#logger)
    this.#pruning = new PruneTimer(database, config, this.#logger)
    const common = { logger: this.#logger, signal: this.#givingUp.signal }
    const recorder = new Recorder({
      ...common,
      database,
      onAway: (cause) => this.#onAway(cause),
      onBack: () => this.#onBack(),
    })
    this.#writer = new Writer({
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
    await this.#partitions.start()
    await broker.declare(config.topology())
    await this.#consume()
    this.#pruning.start()
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

  stats(): MonitorStats {
    return this.#counters.stats(this.#writer.backlog)
  }

  async #consume(): Promise<void> {
    const { broker, config } = this.#options
    const prefetch = this.#options.prefetch ?? 3 * this.#limits.messages
    const subscription = await broker.consume(
      config.platformQueue,
      { prefetch, onCancel: (cause) => this.#onCancel(cause) },
      (delivery) => this.#onDelivery(delivery),
    )
    await this.#intake.open(subscription)
  }

  #onDelivery(delivery: Delivery): void {
    const read = mirrored(delivery, this.#queues, { privacy: this.#privacy })
    if (!(read instanceof Promise)) {
      this.#writer.add(read)
      return
    }
    const added = read
      .then((one) => this.#writer.add(one))
      .finally(() => this.#expanding.delete(added))
    this.#expanding.add(added)
  }

  async #settle({ recorded, refused }: Recorded): Promise<void> {
    const { broker, config } = this.#options
    const context = { queue: config.platformQueue, logger: this.#logger }
    for (const { delivery } of refused) await moveAside(broker, delivery, context)
    await Promise.all(recorded.map(({ delivery }) => delivery.ack()))
  }

  #onAway(cause: unknown): void {
    this.#counters.away(cause)
    this.#logger.warn({ cause }, 'database away, consuming is paused until it is back')
    void this.#intake.hold('database')
  }

  #onBack(): void {
    this.#counters.back()
    this.#logger.info('database back, consuming goes on')
    void this.#intake.release('database')
  }

  /** The queue was deleted: declared anew, it is consumed again. */
  #onCancel(cause: Error): void {
    this.#counters.failed(cause)
    this.#logger.error({ cause }, 'the platform queue is gone, declaring it again')
    const { broker, config } = this.#options
    const { signal } = this.#givingUp
    const consumeAgain = retry(
      async () => {
        await broker.declare(config.topology())
        await this.#consume()
      },
      { backoff: CONSUME_BACKOFF, signal },
    )
    consumeAgain.catch((error: unknown) => {
      if (!signal.aborted) this.#logger.error({ error }, 'the platform queue is not consumed')
    })
  }

  async #stop(graceMs: number): Promise<void> {
    const pruning = this.#pruning.stop()
    await this.#intake.hold('stopping')
    const patience = new AbortController()
    await Promise.race([this.#drained(), sleep(graceMs, patience.signal).catch(() => undefined)])
    patience.abort()
    this.#givingUp.abort()
    await this.#intake.close()
    await this.#partitions.stop()
    await pruning
    this.#logger.info({ ...this.stats() }, 'monitor stopped')
  }

  async #drained(): Promise<void> {
    await Promise.all(this.#expanding)
    await this.#writer.drained()
  }
}
