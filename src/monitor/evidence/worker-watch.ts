import type { ApiLook } from '../../brokers/amqp/management-api.ts'
import type { Connection } from '../../database/database.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import { isLiving, noteCensus, type TakeCensus, workersToAsk } from './census.ts'
import { noteConnections } from './connections.ts'

interface WorkerWatchOptions {
  /** Asks the broker's management API, where there is one. */
  readonly lookAtApi?: (() => Promise<ApiLook>) | undefined
  /** Asks living workers what they take, and how they run it. */
  readonly takeCensus?: TakeCensus | undefined
  /** Begins the names of workers' queues of remote control. Default celery. */
  readonly controlExchange?: string | undefined
  readonly missedHeartbeats: number
  readonly logger?: Logger | undefined
}

/** What is known of workers beside what they send: they are asked while they live, so that it is known when they do not. */
export class WorkerWatch {
  readonly #database: Connection
  readonly #options: WorkerWatchOptions
  #askedAtMs = 0
  #lookedAtMs = 0

  constructor(database: Connection, options: WorkerWatchOptions) {
    this.#database = database
    this.#options = options
  }

  /** The answer of the management API; undefined where there is none. Rejects where it does not answer. */
  async look(): Promise<ApiLook | undefined> {
    const { lookAtApi, controlExchange = 'celery' } = this.#options
    if (lookAtApi === undefined) return undefined
    this.#lookedAtMs = Date.now()
    return await noteConnections(this.#database, lookAtApi, controlExchange)
  }

  /** Unless all have just been asked, and none has come since. */
  async askAll(): Promise<void> {
    if (Date.now() - this.#askedAtMs > JUST_MS || (await this.#hasNew())) await this.#ask()
  }

  /** Called more often: a new worker is asked, and its connection looked for, before either can be gone. */
  async lookAtNew(): Promise<void> {
    const hasNew = await this.#hasNew()
    if (hasNew) await this.#ask()
    if (hasNew || Date.now() - this.#lookedAtMs >= JUST_MS) await this.look()
  }

  async #hasNew(): Promise<boolean> {
    return (await this.#database.query(UNASKED, [this.#options.missedHeartbeats])).length > 0
  }

  /** Without answers there is less proof, so a failure stops nothing. */
  async #ask(): Promise<void> {
    const { takeCensus, missedHeartbeats, logger = silentLogger } = this.#options
    if (takeCensus === undefined) return
    this.#askedAtMs = Date.now()
    try {
      const asked = await workersToAsk(this.#database, missedHeartbeats)
      await noteCensus(this.#database, await takeCensus(asked), missedHeartbeats)
    } catch (err) {
      logger.debug({ err }, 'cannot ask workers which queues they consume')
    }
  }
}

const JUST_MS = 5_000

const UNASKED = `
  SELECT FROM monitor.worker_process process
  WHERE (queues IS NULL OR acknowledges IS NULL) AND online_at > now() - interval '1 minute' AND ${isLiving('process', '$1')} LIMIT 1`
