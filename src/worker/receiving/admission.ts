import type { Logger } from '../../logger.ts'
import type { SetByControl } from '../control/worker-control.ts'
import type { Job } from '../job.ts'
import type { TaskEvents } from '../task-events.ts'
import type { TaskRunner } from '../task-runner.ts'
import type { UnfinishedWork } from '../unfinished-work.ts'
import type { EtaWaits } from '../waiting/eta-waits.ts'
import type { WaitingJobs } from '../waiting/waiting-jobs.ts'
import type { KnownJobs } from './known-jobs.ts'

interface AdmissionParts {
  readonly known: KnownJobs
  readonly control: SetByControl
  readonly etas: EtaWaits
  readonly waiting: WaitingJobs
  readonly unfinished: UnfinishedWork
  readonly logger: Logger
  readonly runner: TaskRunner
  readonly events: TaskEvents
  readonly onAdmitted: () => void
}

/** Decides of each job that was received whether it waits for its moment or a slot, is revoked, or is known here already. */
export class Admission {
  readonly #parts: AdmissionParts
  #isClosed = false

  constructor(parts: AdmissionParts) {
    this.#parts = parts
  }

  /** What is still received goes back to its queue. */
  close(): void {
    this.#isClosed = true
  }

  admit(job: Job): void {
    const { known, control, etas, waiting, unfinished, runner, events, onAdmitted } = this.#parts
    if (this.#isClosed) {
      unfinished.add(job.delivery.requeue())
      return
    }
    if (this.#isKnown(job)) return
    if (control.revoked.has(job.request)) {
      unfinished.add(runner.discard(job))
      return
    }
    known.add(job)
    events.received(job)
    if (!etas.wait(job)) waiting.admit(job)
    onAdmitted()
  }

  /** Ends jobs that have not begun as revoked; answers their ids. */
  discard(matches: (job: Job) => boolean): readonly string[] {
    const { known, waiting, unfinished, runner } = this.#parts
    const jobs = waiting.remove(matches)
    for (const job of jobs) {
      unfinished.add(runner.discard(job).finally(() => known.delete(job)))
    }
    return jobs.map(({ request }) => request.id)
  }

  #isKnown(job: Job): boolean {
    const { known, unfinished, logger } = this.#parts
    const found = known.recognise(job.delivery, job.request)
    if (found === undefined) return false
    const { id: taskId, task } = job.request
    logger.info(
      { taskId, task, known: found },
      'message delivered again, its task does not run twice',
    )
    if (found === 'done') {
      // This acknowledgement may get lost, too.
      known.acknowledged(job)
      unfinished.add(job.delivery.ack())
    }
    return true
  }
}
