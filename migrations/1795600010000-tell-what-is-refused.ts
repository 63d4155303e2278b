import type { MigrationInterface, QueryRunner } from 'typeorm'
import { historyView } from './1795400052000-explain-task-history.ts'
import { REASON as REASON_BEFORE, STATUS } from './1795500090000-tell-what-is-held.ts'

/** What is due in the vault and still there says so, and when and why the broker refused it: it is in no queue. */
export class TellWhatIsRefused1795600010000 implements MigrationInterface {
  readonly name = 'TellWhatIsRefused1795600010000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    // Without a default: no rewrite, no wait.
    await runner.query(
      'ALTER TABLE monitor.scheduled ADD COLUMN IF NOT EXISTS refused_at timestamptz',
    )
    await runner.query(historyView(STATUS, REASON))
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(historyView(STATUS, REASON_BEFORE))
    await runner.query('ALTER TABLE monitor.scheduled DROP COLUMN refused_at')
  }
}

/** NULL of what is not due, or not in the vault. */
const DUE_IN_VAULT = `(
        SELECT 'due ' || monitor.in_words(now() - held.due_at) || ' ago, '
          || CASE WHEN held.problem IS NULL THEN 'waiting in the vault to be published'
            ELSE 'and the broker refused it' || coalesce(' ' || monitor.in_words(now() - held.refused_at) || ' ago', '')
              || ': ' || held.problem END
        FROM monitor.scheduled held
        WHERE held.task_id = told.task_id AND held.due_at <= now())`

const BEFORE_IT = `CASE status
          WHEN 'RETRY' THEN 'retry ' || greatest(retries, stored_retries, 1) || ', '
          WHEN 'UNROUTED' THEN 'no work queue is bound to key ' || coalesce(routing_key, '?') || '; '
          ELSE '' END`

const AFTER_IT = `CASE WHEN status = 'RETRY' THEN coalesce('; it failed with ' || any_exception, '') ELSE '' END`

const REASON = `coalesce(
      CASE WHEN status IN ('PENDING', 'RECEIVED', 'RETRY', 'UNROUTED') THEN ${BEFORE_IT} || ${DUE_IN_VAULT} || ${AFTER_IT} END,
      ${REASON_BEFORE})`
