import type { Delivery } from '../../brokers/broker.ts'
import type { Config } from '../../config/config.ts'
import { TimeLimitExceeded, WorkerLostError } from '../../tasks/signals.ts'
import type { TaskOptions } from '../../tasks/task-options.ts'
import type { Outcome } from './outcome.ts'

/** Settings that decide when a message is acknowledged. */
export interface AckSettings {
  readonly acksLate: boolean
  readonly acksOnFailure: boolean
  /** Of a task that its time limit ended. */
  readonly acksOnTimeout: boolean
}

/** Where a finer setting is not given, the one for both counts. */
export function ackSettings(config: Config): AckSettings {
  const forBoth = config.task_acks_on_failure_or_timeout
  return {
    acksLate: config.task_acks_late,
    acksOnFailure: config.task_acks_on_failure ?? forBoth,
    acksOnTimeout: config.task_acks_on_timeout ?? forBoth,
  }
}

/**
 * Only this may settle the delivery of a task that runs: early (before the run) or late (after the outcome is
 * safe), https://docs.celeryq.dev/en/stable/userguide/configuration.html#task-acks-late
 */
export class AckPolicy {
  readonly isLate: boolean
  readonly #settings: AckSettings

  constructor(options: TaskOptions, settings: AckSettings) {
    this.isLate = options.acksLate ?? settings.acksLate
    this.#settings = settings
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
        if (outcome.error instanceof WorkerLostError && outcome.error.isPoison) return 'keep'
        return this.#acksFailure(outcome.error) ? 'ack' : 'keep'
      case 'reject':
        return outcome.requeue ? 'requeue' : 'keep'
      case 'abandoned':
        return 'requeue'
    }
  }
  #acksFailure(error: unknown): boolean {
    const { acksOnTimeout, acksOnFailure } = this.#settings
    return error instanceof TimeLimitExceeded ? acksOnTimeout : acksOnFailure
  }
}
