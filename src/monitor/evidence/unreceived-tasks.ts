import type { Connection } from '../../database/database.ts'
import {
  CANDIDATE,
  type Candidate,
  CUT_OFF,
  type Finding,
  IS_NOTED,
  IS_SAFE,
  inWords,
  seconds,
  WAS,
} from './finding.ts'
import type { ObservedQueue } from './observed-queues.ts'
import { isCoveredSince, mayLackEvents } from './queue-record.ts'
import type { RollCall } from './roll-call.ts'

/** A task that was published to a queue which holds nothing any more, or went back to it, and that no worker reported. */
export interface UnreceivedTask extends Candidate {
  readonly publishedAt: Date
  readonly dueMs: number
  /** A worker had received it, and has ended, or cut it off. */
  readonly hadWorker: string | null
  readonly isCutOff?: boolean
  /** Whether all workers that may have taken it since send events of what they take. */
  readonly isCovered: boolean
  /** Whether their events may be missing from the record. */
  readonly lacksEvents?: boolean
}

interface QueueEvidence {
  readonly observed: ObservedQueue
  readonly emptyMs: number
  /** Held by workers; null where that is unknown. */
  readonly unacknowledged: number | null
  readonly roll: RollCall
  /** Workers that take from the queue and did not answer: they may have the task in their hands, unread. */
  readonly silent: readonly string[]
  /** For how long a queue must have been empty, and a task due, before it is missed. */
  readonly graceMs: number
}

const MOST = 2000
/** A worker reports at once which tasks it takes; within this time the report is recorded. */
const REPORTED_WITHIN_MS = 5_000

export async function unreceivedTasks(
  database: Connection,
  queue: string,
  graceMs: number,
): Promise<readonly UnreceivedTask[]> {
  return await database.query<UnreceivedTask>(UNRECEIVED, [
    queue,
    Math.min(graceMs, REPORTED_WITHIN_MS),
    MOST,
  ])
}

/** Lost where all workers report what they take, and none has it; in doubt where one that does not report may have it. */
export function judgeUnreceived(task: UnreceivedTask, queue: QueueEvidence): Finding | undefined {
  const holder = queue.roll.holders.get(task.taskId)
  if (!task.isCovered || task.lacksEvents === true || holder !== undefined)
    return inDoubt(task, queue, holder)
  const isMissed = Math.min(task.dueMs, queue.emptyMs) >= queue.graceMs
  // What workers have in hand unacknowledged may go back to the queue.
  if (!isMissed || (queue.unacknowledged ?? 0) > 0 || queue.silent.length > 0) return undefined
  return lost(task, queue)
}

function inDoubt(
  task: UnreceivedTask,
  { observed }: QueueEvidence,
  holder: string | undefined,
): Finding {
  const { consumers } = observed
  const taken = task.isCutOff === true ? takenAgain(task) : takenBy(task, consumers)
  return {
    candidate: task,
    status: 'UNHEARD',
    kind: 'silent-worker',
    reason: `${cameTo(task)}; ${taken}`,
    evidence: { queue: task.queue, consumers, ...(holder !== undefined && { holder }) },
  }
}

/** In the words that do not change from look to look. */
function cameTo({ was, retries, queue, hadWorker, isCutOff }: UnreceivedTask): string {
  if (isCutOff === true) return `cut off by worker ${hadWorker}`
  if (hadWorker !== null) return `worker ${hadWorker} ended, and gave it back to ${queue}`
  return was === 'RETRY' ? `retry ${retries} was published to ${queue}` : `published to ${queue}`
}

function takenBy({ isCovered, lacksEvents }: UnreceivedTask, consumers: number | null): string {
  if (isCovered && lacksEvents === true) {
    return 'RabbitMQ may have deleted the events of its worker when it restarted'
  }
  return consumers !== 0
    ? 'its worker sends no events'
    : 'the queue is empty and has no consumer now, so a worker that sends no events may have taken it'
}

/** Nothing is known of how it is acknowledged. */
function takenAgain({ queue }: UnreceivedTask): string {
  return `its queue ${queue} is empty, and a worker that sends no events may have taken it from there`
}

function lost(task: UnreceivedTask, queue: QueueEvidence): Finding {
  const { emptyMs, observed, unacknowledged, roll } = queue
  const reason =
    `${cameTo(task)}${emptyFor(task, emptyMs)}; all its workers report what they receive, ` +
    'and none has received it'
  const evidence = {
    published_at: task.publishedAt,
    due_for_s: seconds(task.dueMs),
    queue_empty_for_s: seconds(emptyMs),
    consumers: observed.consumers,
    unacknowledged,
    answered: [...roll.answered].sort().slice(0, 20),
  }
  const kind = task.hadWorker === null ? 'never-received' : 'worker-gone'
  return { candidate: task, status: 'LOST', kind, reason, evidence }
}

function emptyFor({ isCutOff, queue }: UnreceivedTask, emptyMs: number): string {
  return isCutOff === true
    ? `; its queue ${queue} has been empty for ${inWords(emptyMs)}`
    : `, which has been empty for ${inWords(emptyMs)}`
}

/** When a retry was published is not kept, but the row was changed then. */
const SINCE = `greatest(task.published_at, task.eta, CASE WHEN ${WAS} = 'RETRY'
        THEN coalesce((task.unheard ->> 'updated_at')::timestamptz, task.updated_at) END)`

/** Of those in doubt only what can be decided by now. */
const UNRECEIVED = `
  SELECT * FROM (
    SELECT ${CANDIDATE}, task.published_at AS "publishedAt", cut.hostname AS "hadWorker", cut.hostname IS NOT NULL AS "isCutOff",
      extract(epoch FROM now() - ${SINCE})::float8 * 1000 AS "dueMs",
      ${isCoveredSince('coalesce(cut.happened_at, task.published_at)')} AS "isCovered",
      ${mayLackEvents('coalesce(cut.happened_at, task.published_at)')} AS "lacksEvents"
    FROM monitor.task
    LEFT JOIN monitor.queue ON queue.name = task.queue
    LEFT JOIN public.celery_taskmeta meta ON meta.task_id = task.task_id
    LEFT JOIN LATERAL ${CUT_OFF} AS cut ON true
    WHERE task.queue = $1 AND monitor.state_class(task.state) < 2 AND ${WAS} IN ('PENDING', 'RETRY')
      AND task.published_at < now() - $2 * interval '1 millisecond'
      AND (task.eta IS NULL OR task.eta < now() - $2 * interval '1 millisecond')
      AND (task.expires IS NULL OR task.expires > now() OR task.state = 'UNHEARD')
      AND (meta.task_id IS NULL OR meta.status IN ('PENDING', ${WAS}))
      AND NOT ${IS_NOTED} AND NOT ${IS_SAFE}
  ) AS unreceived
  WHERE "dueMs" >= $2 AND (state <> 'UNHEARD' OR ("isCovered" AND NOT "lacksEvents"))
  ORDER BY random()
  LIMIT $3`
