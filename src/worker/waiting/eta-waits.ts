import type { Logger } from '../../logger.ts'
import { parseIso } from '../../protocol/times.ts'
import type { App } from '../../tasks/app/app.ts'
import { delayedRoute } from '../../tasks/calls/delayed-route.ts'
import type { Job } from '../job.ts'

interface EtaWaitsParts {
  readonly app: App
  readonly logger: Logger
  /** Keeps the job here until then (epoch ms). */
  readonly hold: (job: Job, dueAt: number) => void
  /** The job waits in the vault now. */
  readonly onMoved: (job: Job) => void
  readonly track: (work: Promise<void>) => void
}

/** What is to come sooner waits here, though there is a vault. */
const LONG_WAIT_MS = 5_000

/** A task due later than this is sent back to wait in its queue, where that can delay messages. */
const SENT_ON_MS = 15_000

/** Where jobs wait whose eta is still to come: here, or in the vault. */
export class EtaWaits {
  readonly #parts: EtaWaitsParts

  constructor(parts: EtaWaitsParts) {
    this.#parts = parts
  }

  /** False for a job that need not wait. */
  wait(job: Job): boolean {
    const { eta } = job.request
    // As in Celery, eager tasks wait for nothing, retries neither.
    if (eta === null || this.#parts.app.config.task_always_eager) return false
    // Times are cut to milliseconds when they are read; a task must not start before its eta.
    const dueAt = parseIso(eta).getTime() + 1
    const now = Date.now()
    if (dueAt <= now) return false
    const { app, hold, track } = this.#parts
    const waitMs = dueAt - now
    if (app.waiting.isWanted && waitMs > LONG_WAIT_MS) track(this.#putInVault(job, dueAt))
    else if (job.delivery.sendOn !== undefined && waitMs > SENT_ON_MS)
      track(this.#sendOn(job, dueAt))
    else hold(job, dueAt)
    return true
  }

  /** A message is held for hours at most, and lost with its worker for a while: one that is not due is sent on. */
  async #sendOn(job: Job, dueAt: number): Promise<void> {
    const { logger, hold, onMoved } = this.#parts
    const { id: taskId } = job.request
    try {
      if (await job.delivery.sendOn?.(dueAt - Date.now())) onMoved(job)
      else hold(job, dueAt)
    } catch (error) {
      logger.warn(
        { err: error, taskId },
        'a message that is not due cannot be forwarded, it waits in this worker',
      )
      hold(job, dueAt)
    }
  }

  /** What others sent with an eta far ahead waits in the vault, as it is. */
  async #putInVault(job: Job, dueAt: number): Promise<void> {
    const { app, logger, hold } = this.#parts
    const { delivery, request } = job
    const route = delayedRoute(delivery.route, null, app.config)
    const { id: taskId, task: name, eta } = request
    try {
      await app.waiting.hold({ taskId, name, eta, message: delivery.message, route })
    } catch (error) {
      logger.warn(
        { err: error, taskId },
        'cannot store a scheduled task in the vault, it waits in this worker',
      )
      hold(job, dueAt)
      return
    }
    this.#parts.onMoved(job)
    // Another one, where the broker took the first back meanwhile.
    await job.delivery.ack()
  }
}
