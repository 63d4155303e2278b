import type { Logger } from '../logger.ts'
import type { ConsumeOptions, ConsumerProblem } from './broker.ts'

interface ProblemReportParts {
  readonly queueName: string
  readonly options: Pick<ConsumeOptions, 'onProblem'>
  readonly log: Logger
}

/** Why a queue is not consumed, though the connection is there: logged and reported once, until it is consumed again. */
export class ProblemReport {
  readonly #parts: ProblemReportParts
  #cause: Error | undefined

  constructor(parts: ProblemReportParts) {
    this.#parts = parts
  }

  get problem(): ConsumerProblem | undefined {
    return this.#cause && { queue: this.#parts.queueName, reason: this.#cause.message }
  }

  note(cause: Error): void {
    const isNew = this.#cause === undefined
    this.#cause = cause
    if (!isNew) return
    const { queueName: queue, options, log } = this.#parts
    log.error({ queue, err: cause }, 'queue not consumed, trying again')
    options.onProblem?.(cause)
  }

  /** The queue is consumed again. */
  noteEnd(): void {
    if (this.#cause === undefined) return
    this.#cause = undefined
    this.#parts.log.info({ queue: this.#parts.queueName }, 'queue consumed again')
  }

  /** The consumer was closed. */
  forget(): void {
    this.#cause = undefined
  }
}
