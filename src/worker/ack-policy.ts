import type { Delivery } from '../brokers/broker.ts'
import type { TaskOptions } from '../tasks/task-options.ts'
import type { Outcome } from './outcome.ts'

/** Settings that decide when a message counts as dealt with. */
export interface AckSettings {
  readonly acksLate: boolean
  readonly acksOnFailure: boolean
}

/**
 * Only this may settle the delivery of a task that runs: early (before the run) or late (after the outcome is
 * safe), https://docs.celeryq.dev/en/stable/userguide/configuration.html#task-acks-late
 */
export class AckPolicy {
  readonly isLate: boolean
  readonly #acksOnFailure: boolean

  constructor(options: TaskOptions, settings: AckSettings) {
    this.isLate = options.acksLate ?? settings.acksLate
    this.#acksOnFailure = settings.acksOnFailure
  }

  async beforeRun(delivery: Delivery): Promise<void> {
    if (!this.isLate) await delivery.ack()
  }

  /** What is still to be done with a delivery after its run. */
  afterRun(outcome: Outcome): 'nothing' | 'ack' | 'requeue' | 'keep' {
    if (!this.isLate) return 'nothing'
    switch (outcome.kind) {
      case 'success':
      case 'retry':
      case 'replaced':
      case 'ignore':
      case 'revoked':
        return 'ack'
      case 'failure':
        return this.#acksOnFailure ? 'ack' : 'keep'
      case 'reject':
        return outcome.requeue ? 'requeue' : 'keep'
      case 'abandoned':
        return 'requeue'
    }
  }
}
