import { repr } from '../codecs/python/python-repr.ts'
import { maskText } from '../config/masking.ts'
import { type Logger, silentLogger } from '../logger.ts'
import { exceptionInfo } from '../protocol/results/exceptions.ts'
import type { App } from '../tasks/app/app.ts'
import type { Job } from './job.ts'
import type { Outcome } from './outcomes/outcome.ts'

/** Called with every error a task fails with: a place for Sentry. */
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

interface ReportParts {
  readonly app: Pick<App, 'config'>
  readonly logger: Logger
  readonly onTaskError?: OnTaskError | undefined
}

/** Writes an outcome to the log. Errors that a task says it expects are information, and go to no error reporter. */
export function reportOutcome(
  { request, delivery, task }: Job,
  outcome: Outcome,
  { app, logger, onTaskError }: ReportParts,
): void {
  const fields = { taskId: request.id, task: request.task, queue: delivery.queue }
  switch (outcome.kind) {
    case 'success':
      // Most of a short task's report is the text of its result.
      if (logger === silentLogger) return
      logger.info(
        {
          taskId: request.id,
          task: request.task,
          queue: delivery.queue,
          runtimeMs: rounded(outcome.runtimeMs),
          ...shownResult(outcome.value, app),
        },
        'task succeeded',
      )
      return
    case 'failure': {
      const { throwsExpected = [] } = task.options
      if (throwsExpected.some((type) => outcome.error instanceof type)) {
        // In a line, as Celery does: an expected error needs no stack.
        logger.info({ ...fields, err: summary(outcome.error) }, 'task failed as expected')
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
      logger.warn({ ...fields, outcome: outcome.kind }, 'task did not complete')
  }
}

/** A tenth is more than a reader needs. */
function rounded(ms: number): number {
  return Math.round(ms * 10) / 10
}

const LONGEST_RESULT = 100

/** As Celery's worker shows it, in a line. A record that is redacted keeps results out of the log, too. */
function shownResult(value: unknown, { config }: ReportParts['app']): { result?: string } {
  if (config.REDACT.length > 0) return {}
  return { result: maskText(repr(value, { maxLength: LONGEST_RESULT })) }
}

function summary(error: unknown): string {
  const { excType, excMessage } = exceptionInfo(error)
  return `${excType}(${excMessage.map((part) => repr(part)).join(', ')})`
}
