import { repr } from '../codecs/python-repr.ts'
import type { Logger } from '../logger.ts'
import { exceptionInfo } from '../protocol/exceptions.ts'
import type { Job } from './job.ts'
import type { Outcome } from './outcome.ts'

/** Told of every error a task fails with: a place for Sentry. */
export type OnTaskError = (error: unknown, context: Readonly<Record<string, unknown>>) => void

/** A run that has ended: for metrics. */
export interface RunReport {
  readonly taskId: string
  readonly task: string
  readonly queue: string
  readonly kind: Outcome['kind']
  /** Null where it did not run to an end. */
  readonly runtimeMs: number | null
  /** What a failure failed with. */
  readonly error?: unknown
}

export function runReport({ request, delivery }: Job, outcome: Outcome): RunReport {
  const runtimeMs = 'runtimeMs' in outcome ? outcome.runtimeMs : null
  const { id: taskId, task } = request
  const report = { taskId, task, queue: delivery.queue, kind: outcome.kind, runtimeMs }
  return outcome.kind === 'failure' ? { ...report, error: outcome.error } : report
}

/** Writes an outcome to the log. Errors that a task says it expects are information, and nobody is told of them. */
export function reportOutcome(
  { request, delivery, task }: Job,
  outcome: Outcome,
  {
    logger,
    onTaskError,
  }: { readonly logger: Logger; readonly onTaskError?: OnTaskError | undefined },
): void {
  const fields = { taskId: request.id, task: request.task, queue: delivery.queue }
  switch (outcome.kind) {
    case 'success':
      logger.info({ ...fields, runtimeMs: outcome.runtimeMs }, 'task succeeded')
      return
    case 'failure': {
      const { throwsExpected = [] } = task.options
      if (throwsExpected.some((type) => outcome.error instanceof type)) {
        // In a line, as Celery does: nobody has to look where it came from.
        logger.info({ ...fields, error: summary(outcome.error) }, 'task failed as expected')
        return
      }
      logger.error({ ...fields, err: outcome.error }, 'task failed')
      onTaskError?.(outcome.error, { ...fields, retries: request.retries })
      return
    }
    case 'retry':
      logger.info(
        { ...fields, countdown: outcome.countdown, err: outcome.cause },
        'task will be retried',
      )
      return
    case 'replaced':
      logger.info({ ...fields, by: outcome.signature.task }, 'task replaced itself')
      return
    case 'ignore':
    case 'reject':
    case 'revoked':
    case 'abandoned':
      logger.warn({ ...fields, outcome: outcome.kind }, 'task did not run to its end')
  }
}

function summary(error: unknown): string {
  const { excType, excMessage } = exceptionInfo(error)
  return `${excType}(${excMessage.map((part) => repr(part)).join(', ')})`
}
