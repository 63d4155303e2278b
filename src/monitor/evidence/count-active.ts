import type { Connection } from '../../database/database.ts'
import type { Finding } from './finding.ts'
import { countLeft, type HeldTask } from './held-tasks.ts'

/**
 * A process reports how many tasks it runs, with each heartbeat and with its stop. Where more tasks are left of a process
 * that has ended than it was running then, some had ended before and sent no outcome (`Ignore`): which of them is unknown,
 * so none of them is taken for lost.
 */
export async function withoutEnded(
  connection: Connection,
  findings: readonly Finding[],
  held: readonly HeldTask[],
): Promise<readonly Finding[]> {
  const lost = new Set(findings.filter(isWorkerGone).map(({ candidate }) => candidate.taskId))
  const tasks = held.filter(
    (task) => task.isStarted && task.cutOffAt === null && lost.has(task.taskId),
  )
  const doubtful = new Map<string, Finding>()
  for (const task of tasks) if (isBegunLate(task)) doubtful.set(task.taskId, begunLate(task))
  for (const group of byProcess(tasks.filter(({ isCounted }) => isCounted))) {
    const [first] = group
    const running = await runningAtEnd(connection, first)
    if (first === undefined || running === null) continue
    const left = await countLeft(connection, first)
    if (running >= left) continue
    for (const task of group) doubtful.set(task.taskId, ended(task, left, running))
  }
  return findings.map((finding) => doubtful.get(finding.candidate.taskId) ?? finding)
}

function isWorkerGone({ status, kind }: Finding): boolean {
  return status === 'LOST' && kind === 'worker-gone'
}

function byProcess(tasks: readonly HeldTask[]): Iterable<HeldTask[]> {
  const groups = new Map<string, HeldTask[]>()
  for (const task of tasks) {
    const process = `${task.pid} ${task.worker}`
    groups.set(process, [...(groups.get(process) ?? []), task])
  }
  return groups.values()
}

/** How many of those that ran at the process's last report have not ended since. */
async function runningAtEnd(
  connection: Connection,
  task: HeldTask | undefined,
): Promise<number | null> {
  if (task === undefined || task.active === null) return null
  const [row] = await connection.query<{ ended: number }>(ENDED, [task.worker, task.activeAt])
  return Math.max(task.active - (row?.ended ?? 0), 0)
}

function ended(task: HeldTask, left: number, running: number): Finding {
  const { worker, pid, activeAt } = task
  const was = running === 0 ? 'it ran none any more' : `only ${running} of ${left} were running`
  return {
    candidate: task,
    status: 'UNHEARD',
    kind: 'no-outcome',
    reason: `worker ${worker} reported at ${activeAt} that ${was}: the task ended and sent no outcome, as one that raises Ignore`,
    evidence: { worker, pid, active: running, left, reported_at: activeAt },
  }
}

/** It was started after its process had reported, with its stop, how many tasks it ran. */
function isBegunLate(task: HeldTask): boolean {
  return task.active !== null && !task.isCounted && task.stoppingForMs !== null
}

/** No count covers a task that was started after the announcement. */
function begunLate(task: HeldTask): Finding {
  const { worker, pid, offlineAt } = task
  return {
    candidate: task,
    status: 'UNHEARD',
    kind: 'no-outcome',
    reason: `worker ${worker} started it after it had announced its stop at ${offlineAt}, and has ended: the task was cut off, or raised Ignore`,
    evidence: { worker, pid, offline_at: offlineAt },
  }
}

const ENDED = `
  SELECT count(*)::integer AS ended
  FROM monitor.task
  WHERE worker = $1 AND event_at >= $2::timestamptz AND started_at < $2::timestamptz
    AND event_state NOT IN ('RECEIVED', 'STARTED') AND published_at > $2::timestamptz - interval '2 days'`
