import type { ApiLook } from '../../brokers/amqp/management-api.ts'
import type { Broker } from '../../brokers/broker.ts'
import type { Config } from '../../config/config.ts'
import type { Connection, Database } from '../../database/database.ts'
import type { Lease } from '../../leases/lease.ts'
import { LeaseHolder } from '../../leases/lease-holder.ts'
import { PostgresLeases } from '../../leases/postgres-leases.ts'
import { type Periodic, periodic } from '../../lifecycle/periodic.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import type { TakeCensus } from '../evidence/census.ts'
import { EventGap, type GapBroker } from '../evidence/event-gap.ts'
import type { Finding } from '../evidence/finding.ts'
import { type EvidenceLimits, gather } from '../evidence/gather.ts'
import { findNoResult } from '../evidence/no-result.ts'
import { type ObservedQueue, ObservedQueues } from '../evidence/observed-queues.ts'
import { recordQueue } from '../evidence/queue-record.ts'
import { type CallRoll, NO_ANSWERS } from '../evidence/roll-call.ts'
import { closeChordUnlocks, settleDoubts } from '../evidence/settle-doubts.ts'
import { WorkerWatch } from '../evidence/worker-watch.ts'
import { actionFor, actOnLoss, type ReconciledLoss } from './act-on-loss.ts'
import type { Loss } from './loss.ts'
import type { LossPolicies, LossPolicy } from './loss-policy.ts'
import { type FoundDoubt, type FoundLoss, noteDoubts, noteLoss } from './note-finding.ts'
import { RecordFreshness } from './record-freshness.ts'

export interface ReconcilerOptions extends Partial<EvidenceLimits> {
  readonly database: Database
  readonly broker: Pick<Broker, 'depth'> & GapBroker
  readonly config: Pick<Config, 'platformQueue'>
  readonly logger?: Logger
  /** By task name. Default: all are marked. */
  readonly policies?: LossPolicies
  /** How often it looks. Default half a minute. */
  readonly everyMs?: number
  /** The queues that workers take from: watched always, so that it is known who may have taken what. */
  readonly workQueues?: readonly string[]
  /** More queues by which the record learns, such as that of events: while they lag, no task counts as lost. */
  readonly sources?: readonly string[]
  /** Whether workers keep their results in celery_taskmeta, so that one that is missing is missed. Default true. */
  readonly expectsResults?: boolean
  /** Asks living workers which tasks they have. */
  readonly callRoll?: CallRoll
  /** Asks living workers what they take, and how they run it. */
  readonly takeCensus?: TakeCensus
  /** Asks the broker's management API, where there is one: while it does not answer, nothing is proven. */
  readonly lookAtApi?: () => Promise<ApiLook>
  /** Begins the names of workers' queues of remote control. Default celery. */
  readonly controlExchange?: string
  /** Publishes a task once more and answers its new id. Without it `replay` is `mark`. */
  readonly replay?: (taskId: string) => Promise<string>
  /** Finds, and does nothing. */
  readonly isDryRun?: boolean
}

const EVERY_MS = 30_000
/** A worker that is killed after so long is known by then. */
const WATCH_EVERY_MS = 1_000
const DEFAULT_LIMITS: EvidenceLimits = {
  graceMs: 60_000,
  missedHeartbeats: 15,
  stopDeadlineMs: null,
}
/** A doubt is no loss; so long the record must have kept up for it. */
const DOUBT_AFTER_MS = 5_000
const LEASE = { name: 'reconcile', holdMs: 30_000 }

/**
 * Names the tasks that are lost, with what proves it, and does what is set for them. Of many monitors one does it at a
 * time; each looks at the queues for itself, to know how long they have been empty.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions
  readonly #limits: EvidenceLimits
  readonly #logger: Logger
  readonly #queues: ObservedQueues
  readonly #workers: WorkerWatch
  readonly #turn: LeaseHolder
  readonly #jobs: readonly Periodic[]
  readonly #freshness: RecordFreshness
  readonly #gap: EventGap

  constructor(options: ReconcilerOptions) {
    const { database, broker, logger = silentLogger, everyMs = EVERY_MS } = options
    this.#options = options
    this.#limits = {
      graceMs: options.graceMs ?? DEFAULT_LIMITS.graceMs,
      missedHeartbeats: options.missedHeartbeats ?? DEFAULT_LIMITS.missedHeartbeats,
      stopDeadlineMs: options.stopDeadlineMs ?? DEFAULT_LIMITS.stopDeadlineMs,
    }
    this.#logger = logger
    this.#queues = new ObservedQueues(broker)
    this.#gap = new EventGap(broker)
    const sources = [options.config.platformQueue, ...(options.sources ?? [])]
    this.#freshness = new RecordFreshness(this.#queues, sources)
    const { missedHeartbeats } = this.#limits
    this.#workers = new WorkerWatch(database, { ...options, missedHeartbeats })
    this.#turn = new LeaseHolder(new PostgresLeases(database), { ...LEASE, logger })
    const watchEveryMs = Math.min(everyMs, WATCH_EVERY_MS)
    this.#jobs = [
      periodic(async () => void (await this.pass()), {
        name: 'looking for lost tasks',
        everyMs,
        logger,
      }),
      periodic(() => this.#workers.lookAtNew(), {
        name: 'asking for workers and their connections',
        everyMs: watchEveryMs,
        logger,
      }),
    ]
  }

  async start(): Promise<void> {
    await Promise.all(this.#jobs.map((job) => job.start()))
  }

  async stop(): Promise<void> {
    this.#gap.stop()
    await Promise.all(this.#jobs.map((job) => job.stop()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** Whether the record keeps up with what happens, and has for a while. Judged by a stale record, a healthy task would look lost. */
  get isFresh(): boolean {
    return this.#freshness.hasBeenFor(this.#limits.graceMs)
  }

  get #doubtAfterMs(): number {
    return Math.min(this.#limits.graceMs, DOUBT_AFTER_MS)
  }

  /** One look at everything; what it does about what it finds is done when this resolves. */
  async pass(): Promise<readonly ReconciledLoss[]> {
    const { database, workQueues = [], isDryRun, replay } = this.#options
    const names = [...new Set([...workQueues, ...(await unfinishedQueues(database))])]
    await this.#freshness.look(names)
    const queues = this.#observed(names)
    if (isDryRun === true) {
      const found = await this.#findings(queues, await this.#askAround())
      return this.#due(found).map(({ loss, action }) => ({ ...lossOf(loss), action }))
    }
    const done: ReconciledLoss[] = []
    for (const loss of await this.#inTurn((lease) => this.#note(lease, queues)))
      done.push(await actOnLoss(loss, { database, logger: this.#logger, replay }))
    return done
  }

  /** Nothing where another monitor is at it. */
  async #inTurn(
    work: (lease: Lease) => Promise<readonly ReconciledLoss[]>,
  ): Promise<readonly ReconciledLoss[]> {
    try {
      return (await this.#turn.run(work)) ?? []
    } finally {
      await this.#turn.release()
    }
  }

  /** Asks, and waits for answers, outside of any transaction; what it writes then locks rows in the order of ids. */
  async #note(
    lease: Lease,
    queues: ReadonlyMap<string, ObservedQueue>,
  ): Promise<readonly ReconciledLoss[]> {
    const { database } = this.#options
    const api = await this.#askAround()
    await this.#keepRecord(queues, api)
    const found = await this.#findings(queues, api)
    await noteDoubts(database, found.filter(isDoubt))
    const due = this.#due(found)
    if (due.length === 0) return []
    return await database.transaction(async (connection) => {
      await lease.confirm(connection)
      const noted: ReconciledLoss[] = []
      for (const { loss, action } of due)
        if (await noteLoss(connection, loss, action)) noted.push({ ...lossOf(loss), action })
      return noted
    })
  }

  async #askAround(): Promise<ApiAnswer> {
    const [api] = await Promise.all([
      this.#workers.look().catch((): 'silent' => 'silent'),
      this.#workers.askAll(),
    ])
    return api
  }

  /** While the record is behind, or the management API does not answer, nothing is proven. */
  async #findings(
    queues: ReadonlyMap<string, ObservedQueue>,
    api: ApiAnswer,
  ): Promise<readonly Finding[]> {
    const { database, expectsResults = true } = this.#options
    const { graceMs } = this.#limits
    if (!this.#freshness.hasBeenFor(this.#doubtAfterMs)) return []
    const found = await gather(database, this.#sources(queues, api), this.#limits)
    if (!this.isFresh || api === 'silent') return found.filter(isDoubt)
    return expectsResults ? [...found, ...(await findNoResult(database, graceMs))] : found
  }

  /** Losses to act on now, in the order of ids, in which all other writers lock them. */
  #due(findings: readonly Finding[]): readonly DueLoss[] {
    const { policies, replay, isDryRun } = this.#options
    const mayReplay = replay !== undefined || isDryRun === true
    return findings
      .filter(isLoss)
      .toSorted(byId)
      .map((loss) => ({ loss, action: actionFor(loss, { policies, mayReplay }) }))
  }

  async #keepRecord(queues: ReadonlyMap<string, ObservedQueue>, api: ApiAnswer): Promise<void> {
    const { database, everyMs = EVERY_MS } = this.#options
    const { missedHeartbeats } = this.#limits
    const lacksEvents = await this.#gap.isOpen(database)
    // Before it writes: a connection that is lost meanwhile opens the gap again.
    if (this.#freshness.hasBeenFor(this.#doubtAfterMs)) this.#gap.closeAfter(this.#doubtAfterMs)
    for (const [queue, observed] of queues) {
      const record = { queue, observed, look: lookIn(api), missedHeartbeats, everyMs, lacksEvents }
      await recordQueue(database, record)
    }
    await closeChordUnlocks(database)
    await settleDoubts(database, queues, missedHeartbeats)
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

  #sources(queues: ReadonlyMap<string, ObservedQueue>, api: ApiAnswer) {
    const { broker, callRoll, controlExchange = 'celery' } = this.#options
    return {
      broker,
      queues,
      look: lookIn(api),
      callRoll: callRoll ?? (() => Promise.resolve(NO_ANSWERS)),
      controlExchange,
    }
  }
}

interface DueLoss {
  readonly loss: FoundLoss
  readonly action: LossPolicy
}

/** What the management API says; silent: there is one, and it does not answer. */
type ApiAnswer = ApiLook | 'silent' | undefined

function lookIn(api: ApiAnswer): ApiLook | undefined {
  return api === 'silent' ? undefined : api
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

/** Queues of which unfinished tasks are known. */
async function unfinishedQueues(connection: Connection): Promise<readonly string[]> {
  const rows = await connection.query<{ queue: string }>(UNFINISHED_QUEUES)
  return rows.map(({ queue }) => queue)
}

/** Column by column from value to value: quick, however many tasks wait. */
const UNFINISHED_QUEUES = `
  WITH RECURSIVE known AS (
    (SELECT queue FROM monitor.task WHERE monitor.state_class(state) < 2 AND queue IS NOT NULL ORDER BY queue LIMIT 1)
    UNION ALL
    SELECT (SELECT task.queue FROM monitor.task
      WHERE monitor.state_class(state) < 2 AND task.queue > known.queue ORDER BY task.queue LIMIT 1)
    FROM known WHERE known.queue IS NOT NULL
  )
  SELECT queue FROM known WHERE queue IS NOT NULL LIMIT 1000`
