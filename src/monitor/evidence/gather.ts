import type { ApiLook } from '../../brokers/amqp/management-api.ts'
import type { Broker } from '../../brokers/broker.ts'
import type { Connection } from '../../database/database.ts'
import { BrokerError } from '../../errors.ts'
import { withoutEnded } from './count-active.ts'
import type { Finding } from './finding.ts'
import { awaited, givenBack } from './given-back.ts'
import { type HeldTask, tasksAtWork, tasksInTrouble } from './held-tasks.ts'
import { judgeHeld, type WorkerEvidence } from './judge-held.ts'
import type { ObservedQueue } from './observed-queues.ts'
import { type CallRoll, mergedRolls, type RollCall } from './roll-call.ts'
import { judgeUnreceived, type UnreceivedTask, unreceivedTasks } from './unreceived-tasks.ts'

export interface EvidenceLimits {
  /** For how long a queue must have been empty, and a task due, before the task is missed. */
  readonly graceMs: number
  /** So many heartbeats that did not come make a worker one that may be gone. */
  readonly missedHeartbeats: number
  /** After so long a worker that announced its stop has ended; null: unknown. */
  readonly stopDeadlineMs: number | null
}

interface EvidenceSources {
  readonly broker: Pick<Broker, 'depth'>
  /** The queues of tasks, as they were found just now. */
  readonly queues: ReadonlyMap<string, ObservedQueue>
  /** What the management API says, where there is one. */
  readonly look: ApiLook | undefined
  readonly callRoll: CallRoll
  readonly controlExchange: string
}

/** The most tasks that workers are asked for in one pass, and in one question. */
const MOST_ASKED = 5000
const MOST_AT_ONCE = 1000

/** Looks at every task that should have been heard of, and says which are lost for certain, and which are in doubt. */
export async function gather(
  connection: Connection,
  sources: EvidenceSources,
  limits: EvidenceLimits,
): Promise<readonly Finding[]> {
  const troubled = await tasksInTrouble(connection, limits.missedHeartbeats)
  const held = [...troubled, ...(await tasksAtWork(connection, limits.missedHeartbeats))]
  const unreceived = await inEmptyQueues(connection, sources, limits)
  const provable = [...held, ...unreceived.filter(({ isCovered }) => isCovered)]
  const asked = new Set(provable.map(({ taskId }) => taskId).slice(0, MOST_ASKED))
  const roll = await askFor([...asked], sources)
  const evidence: WorkerEvidence = {
    roll,
    listens: await listening(troubled, sources),
    knowsConnections: sources.look !== undefined,
    stopDeadlineMs: limits.stopDeadlineMs,
  }
  const takers = await takersOf(connection, limits.missedHeartbeats)
  const ofHeld = held.map((task) => judgeHeld(task, evidence))
  const decided = new Set(ofHeld.map((finding) => finding?.candidate.taskId))
  const judge = (task: UnreceivedTask): Finding | undefined =>
    judgeInQueue(task, sources, { roll, graceMs: limits.graceMs, takers })
  const isOpen = ({ taskId }: UnreceivedTask): boolean => !decided.has(taskId)
  const judged = [
    ...ofHeld,
    ...unreceived.filter(isOpen).map(judge),
    ...givenBack(troubled, evidence)
      .filter(isOpen)
      .map((task) => judge(task) ?? awaited(task)),
  ]
  // The workers of the others were not asked: they are for the next pass.
  const found = judged.filter(
    (finding) =>
      finding !== undefined && (asked.has(finding.candidate.taskId) || isDoubtful(finding)),
  ) as Finding[] // none is undefined
  return await withoutEnded(connection, found, held)
}

function isDoubtful({ kind }: Finding): boolean {
  return kind === 'silent-worker'
}

/** A question of bounded size after the other. */
async function askFor(ids: readonly string[], { callRoll }: EvidenceSources): Promise<RollCall> {
  const rolls: RollCall[] = []
  for (let at = 0; at < ids.length; at += MOST_AT_ONCE)
    rolls.push(await callRoll(ids.slice(at, at + MOST_AT_ONCE)))
  return mergedRolls(rolls)
}

async function inEmptyQueues(
  connection: Connection,
  { queues }: EvidenceSources,
  { graceMs }: EvidenceLimits,
): Promise<readonly UnreceivedTask[]> {
  const found: UnreceivedTask[] = []
  for (const [queue, { emptySinceMs }] of queues)
    if (emptySinceMs !== null) found.push(...(await unreceivedTasks(connection, queue, graceMs)))
  return found
}

function judgeInQueue(
  task: UnreceivedTask,
  { queues, look }: EvidenceSources,
  { takers, ...common }: { roll: RollCall; graceMs: number; takers: Takers },
): Finding | undefined {
  const observed = queues.get(task.queue ?? '')
  if (observed === undefined || observed.emptySinceMs === null) return undefined
  const unacknowledged = look?.unacknowledged(task.queue ?? '') ?? null
  const emptyMs = Date.now() - observed.emptySinceMs
  const silent = [...(takers.get(task.queue ?? '') ?? [])].filter(
    (worker) => !common.roll.answered.has(worker),
  )
  return judgeUnreceived(task, { ...common, observed, emptyMs, unacknowledged, silent })
}

/** Whether workers that send no heartbeats are connected: the queue of their remote control goes with the connection. */
async function listening(
  tasks: readonly HeldTask[],
  { broker, controlExchange }: EvidenceSources,
): Promise<ReadonlyMap<string, boolean | null>> {
  const silent = new Set(tasks.filter(({ isSilent }) => isSilent).map(({ worker }) => worker))
  const found = new Map<string, boolean | null>()
  for (const worker of silent) {
    found.set(worker, await hasConsumer(broker, `${worker}.${controlExchange}.pidbox`))
  }
  return found
}

async function hasConsumer(broker: Pick<Broker, 'depth'>, queue: string): Promise<boolean | null> {
  try {
    const { consumers } = await broker.depth(queue)
    return consumers === null ? null : consumers > 0
  } catch (error) {
    return error instanceof BrokerError && error.code === 'QUEUE_MISSING' ? false : null
  }
}

/**
 * The workers that said that they consume a queue, by its name: those that live, and those that did until a while ago. A
 * worker that is busy with a task in its own process is silent, and may have another message unread.
 */
type Takers = ReadonlyMap<string, ReadonlySet<string>>

async function takersOf(database: Connection, missedHeartbeats: number): Promise<Takers> {
  const rows = await database.query<{ queue: string; workers: readonly string[] }>(TAKERS, [
    missedHeartbeats,
  ])
  return new Map(rows.map(({ queue, workers }) => [queue, new Set(workers)]))
}

/** Longer than it takes from the look at the queues to the answers of all workers. */
const A_WHILE_S = 30

const TAKERS = `
  SELECT queue, array_agg(hostname) AS workers
  FROM monitor.worker_process process, unnest(process.queues) AS queue
  WHERE process.heard_at > now() - interval '${A_WHILE_S} seconds'
    - $1::float8 * coalesce(nullif(process.heartbeat_every_s, 0), 2) * interval '1 second'
    AND coalesce(process.offline_at < process.last_heartbeat_at OR process.offline_at > now() - interval '${A_WHILE_S} seconds', true)
  GROUP BY queue`
