import type { Finding } from './finding.ts'
import type { HeldTask } from './held-tasks.ts'
import { type End, endOf, type WorkerEvidence } from './judge-held.ts'
import type { UnreceivedTask } from './unreceived-tasks.ts'

/** A task whose process has ended before it acknowledged the task, as far as is known. */
interface GivenBack extends UnreceivedTask {
  readonly held: HeldTask
  readonly end: End
}

/** The broker puts what a process had not acknowledged back into its queue; for what it cut off see unreceived-tasks.ts. */
export function givenBack(
  tasks: readonly HeldTask[],
  evidence: WorkerEvidence,
): readonly GivenBack[] {
  return tasks.flatMap((held) => {
    const { isStarted, acknowledged, cutOffAt } = held
    const end = endOf(held, evidence)
    if (end === undefined || cutOffAt !== null || (isStarted && acknowledged === 'early')) return []
    return [{ ...held, held, end, hadWorker: held.worker, dueMs: held.heardForMs }]
  })
}

/** What is said of a task that was running, while it may be in its queue. */
export function awaited({ held, end }: GivenBack): Finding | undefined {
  const { isStarted, doubt, worker, pid, queue, acknowledged } = held
  // The view says so of one that was not started. That it has left its queue again is known already, where it is.
  if (!isStarted || doubt === 'silent-worker') return undefined
  const it =
    acknowledged === 'late'
      ? 'the task is acknowledged late, so the broker gives it back'
      : 'nothing shows whether the task had been acknowledged, so the broker may give it back'
  return {
    candidate: held,
    status: 'UNHEARD',
    kind: 'given-back',
    reason: `worker ${worker} ${end.how}; ${it} to ${queue === null ? 'its queue' : `queue ${queue}`}`,
    evidence: { worker, pid, ...end.proof, acknowledged: acknowledged ?? 'unknown' },
  }
}
