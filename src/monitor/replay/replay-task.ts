import { randomUUID } from 'node:crypto'
import type { Broker } from '../../brokers/broker.ts'
import { declaredPublisher } from '../../brokers/declared-publisher.ts'
import type { Config } from '../../config/config.ts'
import type { Database } from '../../database/database.ts'
import { MonitorError } from '../../errors.ts'
import type { Message, Route } from '../../protocol/message.ts'
import { changesOf } from '../../schedule/vault.ts'
import { firstRecorded, type RecordedMessage } from '../queries/recorded-messages.ts'
import type { CallEdit } from './call-edit.ts'
import { publishTurn, requireTurn, takeTurn } from './replay-ledger.ts'
import { replayRoute } from './replay-route.ts'
import { replayedMessage } from './replayed-message.ts'
import { requireWhole } from './whole-message.ts'

export interface ReplayOptions {
  /** Names the work queues and the exchange. */
  readonly config: Pick<Config, 'platformQueue' | 'topology' | 'routeDefaults'>
  /** Other arguments than the recorded ones. */
  readonly edit?: CallEdit | undefined
  /** A work queue other than the one it was published to. */
  readonly queue?: string | undefined
  /** Also what was replayed before. Default false. */
  readonly isAgain?: boolean | undefined
  /** Also what may still run by itself. Default false. */
  readonly isForced?: boolean | undefined
  /** Says what would be done, and does nothing. Default false. */
  readonly isDryRun?: boolean | undefined
}

/** What was published, or would have been. */
export interface Replayed {
  readonly taskId: string
  readonly name: string | null
  /** The id it runs under now; null of a dry run. */
  readonly newId: string | null
  readonly route: Route
}

/**
 * Publishes the recorded message of a task again, exactly, under a new id; its row then names the old one (replay_of).
 * Works for tasks of any language. Throws `MonitorError`: TASK_UNKNOWN, TASK_UNFINISHED, REPLAY_REPEATED,
 * REPLAY_IMPOSSIBLE; and `BrokerError` where the broker does not take it, when trying again is safe.
 */
export async function replayTask(
  database: Database,
  broker: Broker,
  taskId: string,
  options: ReplayOptions,
): Promise<Replayed> {
  const { edit, queue, config, isAgain = false, isDryRun = false } = options
  const task = await replayable(database, taskId, options.isForced ?? false)
  const recorded = await firstMessage(database, taskId)
  requireWhole(recorded, taskId, edit)
  const route = replayRoute(recorded.route, queue, {
    topology: config.topology(),
    platformQueue: config.platformQueue,
    defaultExchange: config.routeDefaults().exchange,
  })
  const now = new Date()
  const candidate = randomUUID()
  const as = async (newId: string): Promise<Message> =>
    await replayedMessage(recorded, { taskId, newId, edit, now })
  // Mistakes are found before the replay is entered in the ledger.
  const message = await as(candidate)
  if (isDryRun) {
    await requireTurn(database, taskId, isAgain)
    return { taskId, name: task.name, newId: null, route }
  }
  const turn = await takeTurn(database, taskId, { newId: candidate, isAgain })
  const { newId } = turn
  const publisher = declaredPublisher(broker, () => config.topology())
  await publishTurn(database, turn, async () => {
    await publisher.publish(newId === candidate ? message : await as(newId), route, {
      mandatory: true,
    })
  })
  return { taskId, name: task.name, newId, route }
}

async function replayable(
  database: Database,
  taskId: string,
  isForced: boolean,
): Promise<{ readonly name: string | null }> {
  const [task] = await database.query<{ name: string | null; status: string }>(
    'SELECT name, status FROM monitor.task_history WHERE task_id = $1',
    [taskId],
  )
  if (task === undefined) {
    throw new MonitorError('TASK_UNKNOWN', `no task with the id "${taskId}" is recorded`)
  }
  if (isForced || OVER.has(task.status)) return task
  throw new MonitorError(
    'TASK_UNFINISHED',
    `task ${taskId} is ${task.status} and may still run by itself; force the replay if it may run twice`,
  )
}

const OVER: ReadonlySet<string> = new Set([
  'SUCCESS',
  'FAILURE',
  'REVOKED',
  'REJECTED',
  'IGNORED',
  'EXPIRED',
  'LOST',
  'UNROUTED',
])

/** The call as it was made: its first attempt, as far as that is kept; if it waited in the vault, as it left that. */
async function firstMessage(database: Database, taskId: string): Promise<RecordedMessage> {
  const first = await firstRecorded(
    database,
    taskId,
    (one, other) => attempt(one) - attempt(other) || changesOf(other) - changesOf(one),
  )
  if (first !== undefined) return first
  throw new MonitorError(
    'REPLAY_IMPOSSIBLE',
    `no message of task ${taskId} is kept: it was never published to the exchange, or its day was pruned`,
  )
}

function attempt({ headers }: Message): number {
  return Number(headers.retries ?? 0)
}
