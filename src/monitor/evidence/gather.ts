import type { ApiLook } from '../../brokers/amqp/management-api.ts'
import type { Broker } from '../../brokers/broker.ts'
import type { Connection } from '../../database/database.ts'
import { BrokerError } from '../../errors.ts'
import { withoutEnded } from './count-active.ts'
import type { Finding } from './finding.ts'
import { type HeldTask, tasksAtWork, tasksInTrouble } from './held-tasks.ts'
import { endOf, judgeHeld, type WorkerEvidence } from './judge-held.ts'
import type { ObservedQueue } from './observed-queues.ts'
import { type CallRoll, NO_ANSWERS } from './roll-call.ts'
import { judgeUnreceived, type UnreceivedTask, unreceivedTasks } from './unreceived-tasks.ts'

export interface EvidenceLimits {
  /** For how long a queue must have been empty, and a task due, before the task is missed. */
  readonly graceMs: number
  /** So many heartbeats that did not come make a worker one that may be gone. */
  readonly missedHeartbeats: number
  /** After so long a worker that announced its stop has ended; null: nobody said. */
  readonly stopDeadlineMs: number | null
}

export interface EvidenceSources {
  readonly broker: Pick<Broker, 'depth'>
  /** The queues of tasks, as they were found just now. */
  readonly queues: ReadonlyMap<string, ObservedQueue>
  /** What the management API says, where there is one. */
  readonly look: ApiLook | undefined
  readonly callRoll: CallRoll
  readonly controlExchange: string
}

/** The most tasks that workers are asked for at once. */
const MOST_ASKED = 1000

/** Looks at every task that should have been heard of, and says which are lost for certain, and which are in doubt. */
export async function gather(
  connection: Connection,
  sources: EvidenceSources,
  limits: EvidenceLimits,
): Promise<readonly Finding[]> {
  const troubled = await tasksInTrouble(connection, limits.missedHeartbeats)
  const held = [...troubled, ...(await tasksAtWork(connection, limits.missedHeartbeats))]
  const unreceived = await inEmptyQueues(connection, sources, limits)
  const asked = [...held, ...unreceived.filter(({ isCovered }) => isCovered)]
  const ids = [...new Set(asked.map(({ taskId }) => taskId))].slice(0, MOST_ASKED)
  const evidence: WorkerEvidence = {
    roll: ids.length === 0 ? NO_ANSWERS : await sources.callRoll(ids),
    listens: await listening(troubled, sources),
    knowsConnections: sources.look !== undefined,
    stopDeadlineMs: limits.stopDeadlineMs,
  }
  const judged = [
    ...held.map((task) => judgeHeld(task, evidence)),
    ...[...unreceived, ...givenBack(troubled, evidence)].map((task) =>
      judgeInQueue(task, sources, { roll: evidence.roll, graceMs: limits.graceMs }),
    ),
  ]
  const found = judged.filter((finding) => finding !== undefined)
  return await withoutEnded(connection, found, held)
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

/** What a process had not started when it ended is in its queue again. */
function givenBack(tasks: readonly HeldTask[], evidence: WorkerEvidence): UnreceivedTask[] {
  return tasks
    .filter((task) => !task.isStarted && endOf(task, evidence) !== undefined)
    .map((task) => ({ ...task, hadWorker: task.worker, dueMs: task.heardForMs }))
}

function judgeInQueue(
  task: UnreceivedTask,
  { queues, look }: EvidenceSources,
  common: Pick<Parameters<typeof judgeUnreceived>[1], 'roll' | 'graceMs'>,
): Finding | undefined {
  const observed = queues.get(task.queue ?? '')
  if (observed === undefined || observed.emptySinceMs === null) return undefined
  const unacknowledged = look?.unacknowledged(task.queue ?? '') ?? null
  const emptyMs = Date.now() - observed.emptySinceMs
  return judgeUnreceived(task, { ...common, observed, emptyMs, unacknowledged })
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
    return (await broker.depth(queue)).consumers > 0
  } catch (error) {
    return error instanceof BrokerError && error.code === 'QUEUE_MISSING' ? false : null
  }
}
