import { repr, reprArgs, reprKwargs } from '../codecs/python/python-repr.ts'
import type { EventFields } from '../events/event-fields.ts'
import type { EventSender } from '../events/event-sender.ts'
import { encodeResultMeta } from '../protocol/results/result-meta.ts'
import type { TaskResult } from '../protocol/results/task-result.ts'
import type { TaskRequest } from '../protocol/tasks/task-request.ts'
import { parseIso } from '../protocol/times.ts'
import type { Job } from './job.ts'
import { errorText, retryText } from './outcomes/event-texts.ts'
import type { Outcome } from './outcomes/outcome.ts'
import { resultOf } from './outcomes/stored-outcome.ts'

interface TaskEventsParts {
  readonly sender: EventSender
  /** Send the whole outcome: nothing else reports it. */
  readonly withOutcomes: boolean
  readonly worker: string
  /** Called at each start, also where events are muted. */
  readonly onStarted?: () => void
}

/** What came of a task, in the words of each place that keeps it. */
interface Concluded {
  readonly outcome: Outcome
  /** As callers see it; null where they see nothing. */
  readonly stored: TaskResult | null
  /** The message is settled now, not before the run. */
  readonly isLate: boolean
}

/** Sends the events of a worker's tasks, https://docs.celeryq.dev/en/stable/userguide/monitoring.html#task-events */
export class TaskEvents {
  readonly #parts: TaskEventsParts

  constructor(parts: TaskEventsParts) {
    this.#parts = parts
  }

  received(job: Job): void {
    if (!this.#isSent(job)) return
    const { request } = job
    const { expires } = request
    // It will be reported as revoked.
    if (expires !== null && parseIso(expires).getTime() <= Date.now()) return
    this.#send('task-received', request, {
      name: request.task,
      args: request.argsrepr ?? reprArgs(request.args),
      kwargs: request.kwargsrepr ?? reprKwargs(request.kwargs),
      root_id: request.rootId,
      parent_id: request.parentId,
      retries: request.retries,
      eta: request.eta,
      expires,
    })
  }

  started(job: Job): void {
    this.#parts.onStarted?.()
    if (this.#isSent(job)) this.#send('task-started', job.request, {})
  }

  /** A task that is not registered here. */
  unknown(request: TaskRequest): void {
    if (!this.#parts.sender.isEnabled()) return
    this.#send('task-failed', request, { exception: `NotRegistered(${repr(request.task)})` })
  }

  concluded(job: Job, { outcome, stored, isLate }: Concluded): void {
    if (!this.#isSent(job)) return
    const { request, delivery } = job
    const result =
      stored ?? resultOf(request, outcome, { worker: this.#parts.worker, queue: delivery.queue })
    const news = result === null ? undefined : eventOf(outcome, result)
    if (news !== undefined) {
      this.#send(news.type, request, { ...news.fields, ...this.#whole(stored) })
    }
    if (isLate && outcome.kind === 'reject') {
      this.#send('task-rejected', request, { requeue: outcome.requeue })
    }
    if (outcome.kind === 'abandoned' && (isLate || outcome.isCancelled === true)) {
      this.#send('task-cancelled', request, {})
    }
  }

  /** An event of the task's own; sent also where the worker's events are muted. */
  async own(request: TaskRequest, type: string, fields: EventFields): Promise<void> {
    this.#send(type, request, fields)
    await this.#parts.sender.flush()
  }

  #isSent({ task }: Job): boolean {
    return this.#parts.sender.isEnabled() && task.options.sendEvents !== false
  }

  #whole(stored: TaskResult | null): EventFields {
    if (stored === null || !this.#parts.withOutcomes) return {}
    const { status, result, traceback, date_done } = encodeResultMeta(stored)
    return { outcome: { status, result, traceback, date_done } }
  }

  #send(type: string, request: TaskRequest, fields: EventFields): void {
    this.#parts.sender.send(type, { uuid: request.id, ...fields })
  }
}

interface OutcomeEvent {
  readonly type: string
  readonly fields: EventFields
}

/** A value that cannot be stored makes a failure of a success, so it is the result that decides. */
function eventOf(outcome: Outcome, result: TaskResult): OutcomeEvent | undefined {
  const { status, traceback } = result
  if (status === 'FAILURE') {
    return { type: 'task-failed', fields: { exception: errorText(result), traceback } }
  }
  switch (outcome.kind) {
    case 'success': {
      const { value, runtimeMs } = outcome
      const fields = { result: repr(value), runtime: runtimeMs / 1_000 }
      return { type: 'task-succeeded', fields }
    }
    case 'retry':
      return { type: 'task-retried', fields: { exception: retryText(outcome), traceback } }
    case 'revoked':
      return { type: 'task-revoked', fields: revokedFields(outcome) }
    default:
      return undefined
  }
}

function revokedFields({ reason, signum }: Outcome & { readonly kind: 'revoked' }): EventFields {
  return {
    terminated: reason === 'terminated',
    signum: signum ?? null,
    expired: reason === 'expired',
  }
}
