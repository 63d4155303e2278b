import type { Logger } from '../../logger.ts'
import type { Job } from '../board/job.ts'

interface ConductorEvent {
  /** job_claimed, compilation_start, running_end, job_consumed, job_abandoned, job_released, job_trashed, … */
  readonly type: string
  readonly job: Job
}

export type ConductorListener = (event: ConductorEvent) => void

/** Reports what a conductor does. A listener that throws is logged and stops nothing. */
export class ConductorEvents {
  readonly #listeners = new Set<ConductorListener>()
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  on(listener: ConductorListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  emit(type: string, job: Job): void {
    for (const listener of this.#listeners) {
      try {
        listener({ type, job })
      } catch (error) {
        this.#logger.warn({ err: error, type }, 'a listener of a conductor failed')
      }
    }
  }
}
