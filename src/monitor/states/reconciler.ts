import type { ApiLook } from '../../brokers/amqp/management-api.ts'
import type { Broker } from '../../brokers/broker.ts'
import type { Config } from '../../config/config.ts'
import type { Connection, Database } from '../../database/database.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import { noteConnections } from '../evidence/connections.ts'
import type { Finding } from '../evidence/finding.ts'
import { type EvidenceLimits, gather } from '../evidence/gather.ts'
import { findNoResult } from '../evidence/no-result.ts'
import { type ObservedQueue, ObservedQueues } from '../evidence/observed-queues.ts'
import { recordQueue } from '../evidence/queue-record.ts'
import { type CallRoll, NO_ANSWERS } from '../evidence/roll-call.ts'
import { closeChordUnlocks, settleDoubts } from '../evidence/settle-doubts.ts'
import { unfinishedQueues } from '../evidence/unfinished-queues.ts'
import type { Loss } from './loss.ts'
import { type LossPolicies, type LossPolicy, lossPolicyOf } from './loss-policy.ts'
import {
  type FoundDoubt,
  type FoundLoss,
  noteDoubts,
  noteLoss,
  noteReplay,
} from './note-finding.ts'
import { repeat } from './repeat.ts'

export interface ReconcilerOptions extends Partial<EvidenceLimits> {
  readonly database: Database
  readonly broker: Pick<Broker, 'depth'>
  readonly config: Pick<Config, 'platformQueue'>
  readonly logger?: Logger
  /** By task name. Default: all are marked. */
  readonly policies?: LossPolicies
  /** How often it looks. Default half a minute. */
  readonly everyMs?: number
  /** The queues that workers take from: watched always, so that it is known who may have taken what. */
  readonly workQueues?: readonly string[]
  /** More queues by which the record learns, such as that of events: while they lag, nobody is accused. */
  readonly sources?: readonly string[]
  /** Whether workers keep their results in celery_taskmeta, so that one that is missing is missed. Default true. */
  readonly expectsResults?: boolean
  /** Asks living workers which tasks they have. */
  readonly callRoll?: CallRoll
  /** Asks the broker's management API, where there is one. */
  readonly lookAtApi?: () => Promise<ApiLook>
  /** Begins the names of workers' queues of remote control. Default celery. */
  readonly controlExchange?: string
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
/** Connections are looked at more often, so that it is known whose they are before they are closed. */
const CONNECTIONS_EVERY_MS = 5_000
const DEFAULT_LIMITS: EvidenceLimits = {
  graceMs: 60_000,
  missedHeartbeats: 15,
  stopDeadlineMs: null,
}
/** A doubt accuses nobody; so long the record must have kept up for it. */
const DOUBT_AFTER_MS = 5_000
/** A monitor at work reads as many in a moment. */
const MOST_LAG = 1000
const LOCK = `SELECT pg_try_advisory_xact_lock(hashtext('celery-toolbox reconcile')) AS mine`

/**
 * Names the tasks that vanished, with what shows it, and does what is set for them. Of many monitors one does it at a
 * time; each looks at the queues for itself, to know how long they have been empty.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions
  readonly #limits: EvidenceLimits
  readonly #logger: Logger
  readonly #queues: ObservedQueues
  readonly #stopping = new AbortController()
  /** Since when the record has kept up with what happens. */
  #freshSinceMs: number | null = null
  #lookedAtMs = 0
  /** What the management API said last. */
  #apiLook: ApiLook | undefined
  #running: Promise<unknown> = Promise.resolve()

  constructor(options: ReconcilerOptions) {
    this.#options = options
    this.#limits = {
      graceMs: options.graceMs ?? DEFAULT_LIMITS.graceMs,
      missedHeartbeats: options.missedHeartbeats ?? DEFAULT_LIMITS.missedHeartbeats,
      stopDeadlineMs: options.stopDeadlineMs ?? DEFAULT_LIMITS.stopDeadlineMs,
    }
    this.#logger = options.logger ?? silentLogger
    this.#queues = new ObservedQueues(options.broker)
  }

  start(): void {
    const { everyMs = EVERY_MS, lookAtApi } = this.#options
    const common = { signal: this.#stopping.signal, logger: this.#logger }
    const passing = { ...common, everyMs, what: 'looking for tasks that vanished' }
    const watching = {
      ...common,
      everyMs: Math.min(everyMs, CONNECTIONS_EVERY_MS),
      what: 'asking the management API for connections',
    }
    this.#running = Promise.all([
      repeat(async () => void (await this.pass()), passing),
      ...(lookAtApi === undefined ? [] : [repeat(() => this.#watch(lookAtApi), watching)]),
    ])
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
    return this.#hasBeenFreshFor(this.#limits.graceMs)
  }

  #hasBeenFreshFor(ms: number): boolean {
    return this.#freshSinceMs !== null && this.#lookedAtMs - this.#freshSinceMs >= ms
  }

  /** One look at everything; what it does about what it finds is done when this resolves. */
  async pass(): Promise<readonly ReconciledLoss[]> {
    const { database, workQueues = [], lookAtApi } = this.#options
    const queues = [...new Set([...workQueues, ...(await unfinishedQueues(database))])]
    await this.#look(queues)
    if (lookAtApi !== undefined) await this.#watch(lookAtApi).catch(() => undefined)
    const noted = await database.transaction(async (connection) => {
      const [row] = await connection.query<{ mine: boolean }>(LOCK)
      return row?.mine === true ? await this.#note(connection, queues) : []
    })
    const done: ReconciledLoss[] = []
    for (const loss of noted) done.push(await this.#act(loss))
    return done
  }

  /** While it does not answer, nothing is known of connections. */
  async #watch(lookAtApi: () => Promise<ApiLook>): Promise<void> {
    const { database, controlExchange = 'celery' } = this.#options
    this.#apiLook = undefined
    this.#apiLook = await lookAtApi()
    await noteConnections(database, this.#apiLook, controlExchange)
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
    this.#lookedAtMs = Date.now()
    this.#freshSinceMs = keepUp ? (this.#freshSinceMs ?? this.#lookedAtMs) : null
  }

  async #note(
    connection: Connection,
    names: readonly string[],
  ): Promise<readonly ReconciledLoss[]> {
    const queues = this.#observed(names)
    if (this.#options.isDryRun !== true) await this.#keepRecord(connection, queues)
    if (!this.#hasBeenFreshFor(Math.min(this.#limits.graceMs, DOUBT_AFTER_MS))) return []
    const found = await gather(connection, this.#sources(queues), this.#limits)
    if (this.#options.isDryRun !== true) await noteDoubts(connection, found.filter(isDoubt))
    if (!this.isFresh) return []
    const { expectsResults = true } = this.#options
    const resultless = expectsResults ? await findNoResult(connection, this.#limits.graceMs) : []
    return await this.#noteLosses(connection, [...found, ...resultless].filter(isLoss))
  }

  async #noteLosses(
    connection: Connection,
    losses: readonly FoundLoss[],
  ): Promise<readonly ReconciledLoss[]> {
    const noted: ReconciledLoss[] = []
    // In the order of ids, as whoever else writes locks them.
    for (const loss of losses.toSorted(byId)) {
      const action = this.#actionOf(loss)
      if (action === 'later') continue
      const isNoted = this.#options.isDryRun === true || (await noteLoss(connection, loss, action))
      if (isNoted) noted.push({ ...lossOf(loss), action })
    }
    return noted
  }

  async #keepRecord(
    connection: Connection,
    queues: ReadonlyMap<string, ObservedQueue>,
  ): Promise<void> {
    const { everyMs = EVERY_MS } = this.#options
    const { missedHeartbeats } = this.#limits
    for (const [queue, observed] of queues) {
      const record = { queue, observed, look: this.#apiLook, missedHeartbeats, everyMs }
      await recordQueue(connection, record)
    }
    await closeChordUnlocks(connection)
    await settleDoubts(connection, queues, missedHeartbeats)
  }

  #observed(names: readonly string[]): ReadonlyMap<string, ObservedQueue> {
    const { platformQueue } = this.#options.config
    return new Map(
      names.toSorted().flatMap((name): [string, ObservedQueue][] => {
        const observed = name === platformQueue ? undefined : this.#queues.get(name)
        return observed === undefined ? [] : [[name, observed]]
      }),
    )
  }

  #sources(queues: ReadonlyMap<string, ObservedQueue>) {
    const { broker, callRoll, controlExchange = 'celery' } = this.#options
    return {
      broker,
      queues,
      look: this.#apiLook,
      callRoll: callRoll ?? (() => Promise.resolve(NO_ANSWERS)),
      controlExchange,
    }
  }

  #actionOf({ kind, candidate }: FoundLoss): LossPolicy | 'later' {
    if (kind === 'no-result') return 'leave'
    const policy = lossPolicyOf(candidate.name, this.#options.policies ?? {})
    if (policy !== 'replay') return policy
    if (this.#options.replay === undefined && this.#options.isDryRun !== true) return 'mark'
    // It may be what kills its workers.
    if (candidate.isReplay) return 'mark'
    // What is acked late goes back to its queue when its worker dies, and is run from there.
    return kind === 'never-received' || this.#isEmptyForLong(candidate.queue) ? 'replay' : 'later'
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

function lossOf({ candidate, kind, reason, evidence }: FoundLoss): Loss {
  const { taskId, name, queue } = candidate
  return { taskId, name, queue, kind, reason, evidence }
}

function isLoss(finding: Finding): finding is FoundLoss {
  return finding.status === 'LOST'
}

function isDoubt(finding: Finding): finding is FoundDoubt {
  return finding.status === 'UNHEARD'
}

function byId(one: FoundLoss, other: FoundLoss): number {
  return one.candidate.taskId < other.candidate.taskId ? -1 : 1
}
