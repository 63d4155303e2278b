import { Recent } from '../../async/recent.ts'
import type { Config } from '../../config/config.ts'
import type { Logger } from '../../logger.ts'
import { Retry, WorkerLostError } from '../../tasks/signals.ts'
import type { Job } from '../job.ts'
import { outcomeOfError } from '../retries/retries.ts'
import type { Outcome } from './outcome.ts'

interface LostRunsParts {
  readonly config: Config
  readonly logger: Logger
  /** Whether its message is acknowledged after the run. */
  readonly isLate: (job: Job) => boolean
}

const MOST_REMEMBERED = 10_000

/**
 * What becomes of a task whose child died. It fails, as in Celery, unless it is to be retried or its message to go back;
 * a message that goes back and kills child after child ends in its dead-letter queue.
 */
export class LostRuns {
  readonly #parts: LostRunsParts
  readonly #deaths = new Recent<string, number>(MOST_REMEMBERED)

  constructor(parts: LostRunsParts) {
    this.#parts = parts
  }

  outcomeOf(job: Job, outcome: Outcome): Outcome {
    if (outcome.kind !== 'failure' || !(outcome.error instanceof WorkerLostError)) return outcome
    return this.#lost(job, outcome.error, outcome.runtimeMs)
  }

  #lost(job: Job, error: WorkerLostError, runtimeMs: number): Outcome {
    const { config, isLate } = this.#parts
    const { request, task } = job
    if (task.options.retryOnWorkerLost ?? config.task_retry_on_worker_lost) {
      return outcomeOfError(new Retry({ cause: error }), request, task.options, runtimeMs)
    }
    const goesBack = task.options.rejectOnWorkerLost ?? config.task_reject_on_worker_lost ?? false
    if (!(goesBack && isLate(job))) return { kind: 'failure', error, runtimeMs }
    return this.#givenBack(job, error, runtimeMs)
  }

  #givenBack({ request }: Job, error: WorkerLostError, runtimeMs: number): Outcome {
    const { config, logger } = this.#parts
    const key = `${request.retries} ${request.id}`
    const deaths = (this.#deaths.get(key) ?? 0) + 1
    const most = config.WORKER_POISON_DEATHS
    const about = { taskId: request.id, task: request.task, deaths, most }
    if (deaths < most) {
      this.#deaths.set(key, deaths)
      logger.warn(about, 'a message whose task killed its child goes back to its queue')
      return { kind: 'reject', reason: error.message, requeue: true }
    }
    this.#deaths.delete(key)
    logger.error(
      about,
      'a message has killed too many children, it is kept in its dead-letter queue',
    )
    const poison = new WorkerLostError(`${error.message} This is death number ${deaths}.`, {
      cause: error,
      isPoison: true,
    })
    return { kind: 'failure', error: poison, runtimeMs }
  }
}
