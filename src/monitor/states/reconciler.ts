import type { Broker } from '../../brokers/broker.ts'
import type { Config } from '../../config/config.ts'
import type { Connection, Database } from '../../database/database.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import {
  type FoundLoss,
  findNeverReceived,
  findNoResult,
  findWorkerGone,
  type LossLimits,
} from './find-losses.ts'
import type { Loss } from './loss.ts'
import { type LossPolicies, type LossPolicy, lossPolicyOf } from './loss-policy.ts'
import { noteLoss, noteReplay } from './note-loss.ts'
import { ObservedQueues } from './observed-queues.ts'
import { repeat } from './repeat.ts'
import { unfinishedQueues } from './unfinished-queues.ts'

export interface ReconcilerOptions extends Partial<LossLimits> {
  readonly database: Database
  readonly broker: Pick<Broker, 'depth'>
  readonly config: Pick<Config, 'platformQueue'>
  readonly logger?: Logger
  /** By task name. Default: all are marked. */
  readonly policies?: LossPolicies
  /** How often it looks. Default half a minute. */
  readonly everyMs?: number
  /** More queues by which the record learns, such as that of events: while they lag, nobody is accused. */
  readonly sources?: readonly string[]
  /** Whether workers keep their results in celery_taskmeta, so that one that is missing is missed. Default true. */
  readonly expectsResults?: boolean
  /** Publishes a task once more and answers its new id. Without it `replay` is `mark`. */
  readonly replay?: (taskId: string) => Promise<string>
  /** Finds, and does nothing. */
  readonly isDryRun?: boolean
}

/** What was found, and what was done about it. */
export interface ReconciledLoss extends Loss {
  readonly action: LossPolicy
  /** The id under which it was published again. */
  readonly newId?: string
  /** Why it was not. */
  readonly problem?: string
}

const EVERY_MS = 30_000
const DEFAULT_LIMITS: LossLimits = {
  graceMs: 60_000,
  silentMs: 6 * 3_600_000,
  missedHeartbeats: 15,
}
/** A monitor at work reads as many in a moment. */
const MOST_LAG = 1000
const LOCK = `SELECT pg_try_advisory_xact_lock(hashtext('celery-toolbox reconcile')) AS mine`

/**
 * Names the tasks that vanished, with what shows it, and does what is set for them. Of many monitors one does it at a
 * time; each looks at the queues for itself, to know how long they have been empty.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions
  readonly #limits: LossLimits
  readonly #logger: Logger
  readonly #queues: ObservedQueues
  readonly #stopping = new AbortController()
  /** Since when the record has kept up with what happens. */
  #freshSinceMs: number | null = null
  #running: Promise<void> = Promise.resolve()

  constructor(options: ReconcilerOptions) {
    this.#options = options
    this.#limits = {
      graceMs: options.graceMs ?? DEFAULT_LIMITS.graceMs,
      silentMs: options.silentMs ?? DEFAULT_LIMITS.silentMs,
      missedHeartbeats: options.missedHeartbeats ?? DEFAULT_LIMITS.missedHeartbeats,
    }
    this.#logger = options.logger ?? silentLogger
    this.#queues = new ObservedQueues(options.broker)
  }

  start(): void {
    this.#running = repeat(
      async () => {
        await this.pass()
      },
      {
        everyMs: this.#options.everyMs ?? EVERY_MS,
        signal: this.#stopping.signal,
        logger: this.#logger,
        what: 'looking for tasks that vanished',
      },
    )
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** Whether the record keeps up with what happens, and has for a while. Whoever judges by one that is behind accuses the innocent. */
  get isFresh(): boolean {
    return this.#freshSinceMs !== null && Date.now() - this.#freshSinceMs >= this.#limits.graceMs
  }

  /** One look at everything; what it does about what it finds is done when this resolves. */
  async pass(): Promise<readonly ReconciledLoss[]> {
    const { database } = this.#options
    const queues = await unfinishedQueues(database)
    await this.#look(queues)
    if (!this.isFresh) return []
    const noted = await database.transaction(async (connection) => {
      const [row] = await connection.query<{ mine: boolean }>(LOCK)
      return row?.mine === true ? await this.#note(connection, queues) : []
    })
    const done: ReconciledLoss[] = []
    for (const loss of noted) done.push(await this.#act(loss))
    return done
  }

  async #look(queues: readonly string[]): Promise<void> {
    const sources = [this.#options.config.platformQueue, ...(this.#options.sources ?? [])]
    try {
      await this.#queues.look(new Set([...queues, ...sources]))
    } catch (cause) {
      this.#freshSinceMs = null
      throw cause
    }
    const keepUp = sources.every((queue) => {
      const observed = this.#queues.get(queue)
      return observed !== undefined && observed.consumers > 0 && observed.messages <= MOST_LAG
    })
    this.#freshSinceMs = keepUp ? (this.#freshSinceMs ?? Date.now()) : null
  }

  async #note(
    connection: Connection,
    queues: readonly string[],
  ): Promise<readonly ReconciledLoss[]> {
    const noted: ReconciledLoss[] = []
    for (const loss of await this.#find(connection, queues)) {
      const action = this.#actionOf(loss)
      if (action === 'later') continue
      const isNoted = this.#options.isDryRun === true || (await noteLoss(connection, loss, action))
      if (isNoted) noted.push({ ...lossOf(loss), action })
    }
    return noted
  }

  /** In the order of ids, as whoever else writes locks them. */
  async #find(connection: Connection, queues: readonly string[]): Promise<readonly FoundLoss[]> {
    const empty = queues.filter((queue) => this.#isEmptyForLong(queue))
    const found = [...(await findWorkerGone(connection, empty, this.#limits))]
    for (const queue of queues) {
      const observed = this.#queues.get(queue)
      if (observed === undefined) continue
      found.push(...(await findNeverReceived(connection, queue, observed, this.#limits)))
    }
    if (this.#options.expectsResults ?? true) {
      found.push(...(await findNoResult(connection, this.#limits)))
    }
    return found.sort((one, other) => (one.taskId < other.taskId ? -1 : 1))
  }

  #actionOf(loss: FoundLoss): LossPolicy | 'later' {
    if (loss.kind === 'no-result') return 'leave'
    const policy = lossPolicyOf(loss.name, this.#options.policies ?? {})
    if (policy !== 'replay') return policy
    if (this.#options.replay === undefined && this.#options.isDryRun !== true) return 'mark'
    // It may be what kills its workers.
    if (loss.isReplay) return 'mark'
    // What is acked late goes back to its queue when its worker dies, and is run from there.
    return loss.kind === 'never-received' || this.#isEmptyForLong(loss.queue) ? 'replay' : 'later'
  }

  #isEmptyForLong(queue: string | null): boolean {
    const since = queue === null ? undefined : this.#queues.get(queue)?.emptySinceMs
    return since === null || since === undefined
      ? false
      : Date.now() - since >= this.#limits.graceMs
  }

  async #act(loss: ReconciledLoss): Promise<ReconciledLoss> {
    const { replay, isDryRun } = this.#options
    const { taskId, name, kind, action, reason } = loss
    if (isDryRun === true) return loss
    this.#logger.warn({ taskId, name, kind, action, reason }, 'a task vanished')
    if (action !== 'replay' || replay === undefined) return loss
    try {
      const newId = await replay(taskId)
      await noteReplay(this.#options.database, taskId, { replayed_as: newId })
      return { ...loss, newId }
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : String(cause)
      this.#logger.error({ taskId, cause }, 'a task that vanished was not replayed')
      await noteReplay(this.#options.database, taskId, { problem })
      return { ...loss, problem }
    }
  }
}

function lossOf({ taskId, name, queue, kind, reason, evidence }: FoundLoss): Loss {
  return { taskId, name, queue, kind, reason, evidence }
}
