import type { Finding } from './finding.ts'
import type { HeldTask } from './held-tasks.ts'
import type { RollCall } from './roll-call.ts'

/** What was learned of workers beside what they sent. */
export interface WorkerEvidence {
  readonly roll: RollCall
  /**
   * Whether the broker has consumers on the queue of remote control of a worker, which goes with its connection, if the
   * worker ever had one; null where the broker did not say.
   */
  readonly listens: ReadonlyMap<string, boolean | null>
  /** Whether the management API was asked, so that closed connections are known. */
  readonly knowsConnections: boolean
  /** After so long a worker that announced its stop has ended; null: unknown. */
  readonly stopDeadlineMs: number | null
}

/** So long a connection must have been closed: what the process sent last is recorded by then. */
const SETTLED_MS = 5_000
/** After so many heartbeats of a process nothing else sends any under its name and process id. */
const HEARTBEATS_ALONE = 3

/**
 * What can be said of a task in the hands of a process; undefined where nothing is wrong. A task that its process had
 * not acknowledged goes back to its queue when the process ends: see given-back.ts.
 */
export function judgeHeld(task: HeldTask, evidence: WorkerEvidence): Finding | undefined {
  const { roll } = evidence
  if (task.cutOffAt !== null) return cutOff(task, task.cutOffAt, evidence)
  if (roll.holders.get(task.taskId) === task.worker) return undefined
  if (task.isShared) return task.isSilent && task.isStarted ? notBeating(task) : undefined
  return task.isStarted ? judgeStarted(task, evidence) : notStarted(task, evidence)
}

function judgeStarted(task: HeldTask, evidence: WorkerEvidence): Finding | undefined {
  if (task.idleAt !== null) return noOutcome(task, task.idleAt)
  const end = endOf(task, evidence)
  if (end !== undefined) return gone(task, end, evidence)
  if (task.stoppingForMs !== null || task.hadAnnounced) return stopping(task, evidence)
  if (task.isSilent && task.lastHeartbeatAt !== null) return notBeating(task)
  if (isDisconnected(task, evidence)) return disconnected(task)
  return hasAnswered(task, evidence) ? noOutcome(task, null) : undefined
}

/** Itself, and not another process under its name. */
function hasAnswered(task: HeldTask, { roll }: WorkerEvidence): boolean {
  return !task.hasNamesake && task.restartedAt === null && roll.answered.has(task.worker)
}

/** This run is over, even if its worker keeps running; until the worker has ended its message may be in its hands: see unreceived-tasks.ts. */
function cutOff(task: HeldTask, cutOffAt: string, evidence: WorkerEvidence): Finding | undefined {
  const end = endOf(task, evidence)
  if (end === undefined) return undefined
  const how = `cut it off at ${cutOffAt}, ${end.how}`
  return gone(task, { how, proof: { ...end.proof, cut_off_at: cutOffAt } }, evidence)
}

/** How a process ended, and what proves that. */
export interface End {
  readonly how: string
  readonly proof: Readonly<Record<string, unknown>>
}

/** Undefined where the process may live. */
export function endOf(task: HeldTask, evidence: WorkerEvidence): End | undefined {
  const { worker, restartedAt } = task
  if (task.isShared) return undefined
  if (restartedAt !== null && isReplaced(task, evidence)) {
    const how = `was started again, as another process, at ${restartedAt}`
    return { how, proof: { worker_is: 'restarted', since: restartedAt } }
  }
  if (task.stoppingForMs !== null) return endOfStop(task, evidence)
  if (!task.isSilent || evidence.listens.get(worker) !== false) return undefined
  // One that sends none may be connecting again just now.
  if (!task.isKnown || mayBeBlocked(task) || task.lastHeartbeatAt === null) return undefined
  if (evidence.knowsConnections && task.connection !== null && task.closedForMs === null)
    return undefined
  const proof = { worker_is: 'silent', since: task.lastHeartbeatAt, connection: 'closed' }
  return { how: `was heard of last at ${task.lastHeartbeatAt}, and is not connected`, proof }
}

/**
 * In containers all workers of a name have one process id. Where a second one comes online and the first lives, both send
 * heartbeats; but one of Python that announced its stop sends none, and finishes its tasks.
 */
function isReplaced(task: HeldTask, { stopDeadlineMs }: WorkerEvidence): boolean {
  const { aloneForMs, heartbeatMs, hadAnnounced, software } = task
  if (!hadAnnounced || software === 'celery-toolbox')
    return aloneForMs >= HEARTBEATS_ALONE * heartbeatMs
  return stopDeadlineMs !== null && aloneForMs >= stopDeadlineMs
}

/**
 * With `-P solo` a task keeps the whole process from sending heartbeats, to the broker as well, which closes the connection
 * then; the worker still runs the task. A Python worker that has not said how it runs its tasks may be such a one.
 */
function mayBeBlocked({ software, pool }: HeldTask): boolean {
  return software !== 'celery-toolbox' && (pool === null || pool === 'solo')
}

/** A Python worker announces its stop, and then finishes its tasks; one of the toolbox announces it when it has. */
function endOfStop(task: HeldTask, { stopDeadlineMs }: WorkerEvidence): End | undefined {
  const { offlineAt, closedAt, closedForMs, stoppingForMs } = task
  const proof = { worker_is: 'offline', since: offlineAt }
  if (task.software === 'celery-toolbox') return { how: `went offline at ${offlineAt}`, proof }
  if (closedForMs !== null && closedForMs >= SETTLED_MS && !mayBeBlocked(task)) {
    const how = `announced its stop at ${offlineAt}, and its connection was closed by ${closedAt}`
    return { how, proof: { ...proof, connection: 'closed', closed_by: closedAt } }
  }
  if (stopDeadlineMs === null || stoppingForMs === null || stoppingForMs < stopDeadlineMs)
    return undefined
  const deadline = stopDeadlineMs / 1000
  const how = `announced its stop at ${offlineAt}, and has ended by the deadline of ${deadline} s`
  return { how, proof: { ...proof, stop_deadline_s: deadline } }
}

/** Undefined where the task may be in its queue again. */
function gone(task: HeldTask, { how, proof }: End, { roll }: WorkerEvidence): Finding | undefined {
  const { worker, pid, taskId } = task
  const holder = roll.holders.get(taskId)
  const said = `worker ${worker} ${how}`
  const evidence = { worker, pid, ...proof, answered: [...roll.answered].sort().slice(0, 20) }
  if (holder !== undefined) {
    return {
      candidate: task,
      status: 'UNHEARD',
      kind: 'silent-worker',
      reason: `${said}; worker ${holder} has the task now, and sends no events`,
      evidence: { ...evidence, holder },
    }
  }
  if (task.acknowledged !== 'early') return undefined
  return {
    candidate: task,
    status: 'LOST',
    kind: 'worker-gone',
    reason: `${said}, and nothing was heard of the task since`,
    evidence: { ...evidence, acknowledged: 'when it started' },
  }
}

function stopping(task: HeldTask, evidence: WorkerEvidence): Finding {
  const { worker, pid, offlineAt } = task
  const isOpen = isConnected(task, evidence)
  const still = isOpen
    ? 'its connection is open, so it may be finishing the task'
    : 'it may be finishing the task, and nothing shows whether it has ended'
  return {
    candidate: task,
    status: 'UNHEARD',
    kind: 'stopping',
    reason: `worker ${worker} announced its stop at ${offlineAt}; ${still}`,
    evidence: { worker, pid, offline_at: offlineAt, connection: isOpen ? 'open' : 'unknown' },
  }
}

/** As far as is known. */
function isConnected(
  { connection, closedForMs }: HeldTask,
  { knowsConnections }: WorkerEvidence,
): boolean {
  return knowsConnections && connection !== null && closedForMs === null
}

/** A warm stop of Python runs some of what was prefetched, without events, and gives the rest back. */
function notStarted(task: HeldTask, evidence: WorkerEvidence): Finding | undefined {
  const { worker, pid, offlineAt, stoppingForMs, isEarly } = task
  const isStopping = stoppingForMs !== null && stoppingForMs >= SETTLED_MS
  if (!isStopping || isEarly || endOf(task, evidence) !== undefined) return undefined
  const still = isConnected(task, evidence)
    ? 'its connection is open, and what it does not run goes back to its queue'
    : 'it goes back to its queue, or was run, and nothing shows whether the worker has ended'
  return {
    candidate: task,
    status: 'UNHEARD',
    kind: 'stopping',
    reason: `worker ${worker} announced its stop at ${offlineAt}; ${still}`,
    evidence: { worker, pid, offline_at: offlineAt },
  }
}

/** Its queue of remote control, which was there, is gone. */
function isDisconnected(
  { isSilent, isKnown, worker }: HeldTask,
  evidence: WorkerEvidence,
): boolean {
  return isSilent && isKnown && evidence.listens.get(worker) === false
}

function disconnected(task: HeldTask): Finding {
  const { worker, pid } = task
  return {
    candidate: task,
    status: 'UNHEARD',
    kind: 'no-heartbeats',
    reason: `worker ${worker} sends no heartbeats, and is not connected`,
    evidence: { worker, pid, last_heartbeat_at: null },
  }
}

function notBeating(task: HeldTask): Finding {
  const { worker, pid, lastHeartbeatAt, pool } = task
  return {
    candidate: task,
    status: 'UNHEARD',
    kind: 'no-heartbeats',
    reason: `worker ${worker} sends no heartbeats since ${lastHeartbeatAt}; ${whyItMayLive(task)}`,
    evidence: { worker, pid, last_heartbeat_at: lastHeartbeatAt, pool },
  }
}

function whyItMayLive(task: HeldTask): string {
  if (task.pool === 'solo') return 'it runs with -P solo, which sends none while a task runs'
  return task.isKnown && !task.isShared && !mayBeBlocked(task)
    ? 'its connection is not known to be closed'
    : 'it never answered remote control, or others have its name, so nothing shows whether it lives'
}

function noOutcome(task: HeldTask, idleAt: string | null): Finding {
  const { worker, pid } = task
  return {
    candidate: task,
    status: 'UNHEARD',
    kind: 'no-outcome',
    reason: `worker ${worker} has ended it and sent no outcome, as of a task that raises Ignore`,
    evidence: { worker, pid, shown_by: idleAt === null ? 'its answer' : `idle at ${idleAt}` },
  }
}
