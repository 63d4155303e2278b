import type { MigrationInterface, QueryRunner } from 'typeorm'
import {
  historyView,
  MISSED_BEATS,
  REASON as REASON_BEFORE,
  STATUS as STATUS_BEFORE,
} from './1795400052000-explain-task-history.ts'

/** What a worker holds until its eta is SCHEDULED, or still to be retried, as it is where it waits elsewhere. */
export class TellWhatIsHeld1795500090000 implements MigrationInterface {
  readonly name = 'TellWhatIsHeld1795500090000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    await runner.query(historyView(STATUS, REASON))
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(historyView(STATUS_BEFORE, REASON_BEFORE))
  }
}

const IS_RECEIVED = `state = 'RECEIVED' AND NOT stored_more`

export const STATUS = `CASE
        WHEN ${IS_RECEIVED} AND eta > now() THEN CASE WHEN retries > 0 THEN 'RETRY' ELSE 'SCHEDULED' END
        ELSE ${STATUS_BEFORE}
      END`

/** A message that was not started is not acknowledged: the broker gives it back when its worker is gone. */
const GOES_BACK = `monitor.worker_trouble(any_worker, task_id, status_at, ${MISSED_BEATS}) ->> 'reason'
        || ', so it goes back to its queue'`

/** A worker with the vault does not hold it, but moves it there. */
const IN_VAULT = `CASE WHEN EXISTS (SELECT FROM monitor.scheduled held WHERE held.task_id = told.task_id)
        THEN 'it waits in the vault' END`

const HOLDER = `coalesce(${IN_VAULT}, ${GOES_BACK}, 'held by worker ' || any_worker, 'held by a worker')`

export const REASON = `coalesce(
      CASE WHEN status = 'RECEIVED' THEN ${GOES_BACK} END,
      ${REASON_BEFORE} || CASE WHEN ${IS_RECEIVED} AND eta > now() THEN '; ' || ${HOLDER} ELSE '' END)`
