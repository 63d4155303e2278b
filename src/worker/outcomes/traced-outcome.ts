import type { RunTrace } from '../../telemetry/traces/trace-run.ts'
import type { Job } from '../job.ts'
import { retryText } from './event-texts.ts'
import type { Outcome } from './outcome.ts'

/** Says in the span of a run what came of it. Errors that the task says it expects are none of the span's. */
export function traceOutcome(trace: RunTrace, { task }: Job, outcome: Outcome): void {
  trace.set({ 'celery.state': STATES[outcome.kind] })
  if (outcome.kind === 'retry') trace.set({ 'celery.retry.reason': retryText(outcome) })
  if (outcome.kind !== 'failure') return
  const { throwsExpected = [] } = task.options
  if (throwsExpected.some((type) => outcome.error instanceof type)) return
  trace.failed(outcome.error)
}

const STATES: Readonly<Record<Outcome['kind'], string>> = {
  success: 'SUCCESS',
  failure: 'FAILURE',
  retry: 'RETRY',
  revoked: 'REVOKED',
  replaced: 'IGNORED',
  ignore: 'IGNORED',
  reject: 'REJECTED',
  abandoned: 'ABANDONED',
}
