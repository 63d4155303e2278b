import type { TaskRequest } from '../../protocol/tasks/task-request.ts'
import type { Job } from '../job.ts'

/** What is known of a job besides its message. */
interface JobState {
  /** The worker that has it. */
  readonly hostname: string
  /** Seconds since 1970; null where it has not started. */
  readonly startedAt?: number | undefined
  /** The process that runs it. */
  readonly pid?: number | undefined
  /** With its arguments as they are shown, not as they are. */
  readonly isSafe?: boolean
}

/** A job as Celery's `Request.info()` describes it. */
export function taskInfo({ request, delivery }: Job, state: JobState): unknown {
  const { hostname, startedAt, pid, isSafe = false } = state
  const { exchange, routingKey, redelivered } = request.deliveryInfo
  return {
    id: request.id,
    name: request.shadow || request.task,
    args: isSafe ? request.argsrepr : request.args,
    kwargs: isSafe ? request.kwargsrepr : request.kwargs,
    type: request.task,
    hostname,
    time_start: startedAt ?? null,
    acknowledged: delivery.isSettled,
    delivery_info: { exchange, routing_key: routingKey, priority: request.priority, redelivered },
    worker_pid: pid ?? null,
  }
}

/** As Celery describes a task that waits for its eta. */
export function scheduledInfo(job: Job, hostname: string): unknown {
  return { eta: isoFormat(job.request), priority: 6, request: taskInfo(job, { hostname }) }
}

/** As Python prints a time that knows its zone. */
function isoFormat({ eta }: TaskRequest): string | null {
  if (eta === null) return null
  const text = eta.replace(' ', 'T').replace(/z$/i, '+00:00')
  return /[+-]\d\d:?\d\d$/.test(text) ? text : `${text}+00:00`
}
