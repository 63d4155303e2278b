import { Cron } from 'croner'
import { textOfError } from '../../text-of-error.ts'
import { JobFailure } from './board-errors.ts'

/** The next time of a schedule in cron's five fields, UTC. */
export function nextRun(schedule: string, after: Date = new Date()): Date {
  const next = cronOf(schedule).nextRun(after)
  if (next === null) throw new JobFailure(`the schedule "${schedule}" never comes again`)
  return next
}

function cronOf(schedule: string): Cron {
  try {
    return new Cron(schedule, { timezone: 'UTC', paused: true, mode: '5-part' })
  } catch (cause) {
    const reason = textOfError(cause)
    throw new JobFailure(`the schedule "${schedule}" is not a crontab: ${reason}`, { cause })
  }
}
