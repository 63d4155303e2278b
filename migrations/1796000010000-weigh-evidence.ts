import type { MigrationInterface, QueryRunner } from 'typeorm'
import { historyView } from './1795400052000-explain-task-history.ts'
import { REASON as REASON_OF_HELD, STATUS } from './1795500090000-tell-what-is-held.ts'

/** Doubt has a status of its own, UNHEARD, and what proves a loss is kept: processes of workers, and looks at queues. */
export class WeighEvidence1796000010000 implements MigrationInterface {
  readonly name = 'WeighEvidence1796000010000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    for (const statement of [
      COLUMNS,
      PROCESSES,
      KNOWN_PROCESSES,
      QUEUES,
      stateRank(`WHEN state = 'UNHEARD' THEN 0`),
    ])
      await runner.query(statement)
    await runner.query(workerTrouble(`' announced its stop '`))
    await runner.query(historyView(STATUS, REASON))
  }

  /** The views select every column there is, so they go before the column does, and come back after. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`UPDATE monitor.task SET state = unheard ->> 'was' WHERE state = 'UNHEARD'`)
    const [family]: { text: string }[] = await runner.query(
      `SELECT pg_get_viewdef('monitor.task_family'::regclass) AS text`,
    )
    await runner.query(DROP)
    await runner.query(workerTrouble(`' went offline '`))
    await runner.query(stateRank(''))
    await runner.query(historyView(STATUS, REASON_BEFORE))
    await runner.query(`CREATE VIEW monitor.task_family AS ${family?.text ?? ''}`)
  }
}

const DROP = `
  DROP VIEW monitor.task_family;
  DROP VIEW monitor.task_history;
  ALTER TABLE monitor.task DROP COLUMN unheard;
  DROP TABLE monitor.worker_process;
  DROP TABLE monitor.queue;
`

/** Why nothing is known of a task that should have been heard of. Without a default: no rewrite, no wait. */
const COLUMNS = 'ALTER TABLE monitor.task ADD COLUMN IF NOT EXISTS unheard jsonb'

/**
 * One row a process of a worker, as several may have had its name. By the clock of the worker: online_at, offline_at,
 * last_heartbeat_at, idle_at (none of its tasks ran), restarted_at (a new process came with the same pid, as in a
 * container). By the clock of the database: told_at (when it last sent an event of a task), heard_at (when anything was
 * heard of it), closed_at (when its connection was first seen closed). connection: as the broker's management API names
 * it.
 */
const PROCESSES = `
  CREATE TABLE IF NOT EXISTS monitor.worker_process (
    hostname          text NOT NULL,
    pid               integer NOT NULL,
    software          text,
    online_at         timestamptz,
    last_heartbeat_at timestamptz,
    offline_at        timestamptz,
    idle_at           timestamptz,
    restarted_at      timestamptz,
    told_at           timestamptz,
    heartbeat_every_s double precision,
    processed         bigint,
    connection        text,
    closed_at         timestamptz,
    heard_at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT worker_process_pkey PRIMARY KEY (hostname, pid)
  ) WITH (fillfactor = 50)`

/** Whether they tell of their tasks is seen with the next event. */
const KNOWN_PROCESSES = `
  INSERT INTO monitor.worker_process
    (hostname, pid, software, online_at, last_heartbeat_at, offline_at, heartbeat_every_s, processed, heard_at)
  SELECT hostname, pid, software, online_at, last_heartbeat_at, offline_at, heartbeat_every_s, processed, updated_at
  FROM monitor.worker
  WHERE pid IS NOT NULL
  ON CONFLICT DO NOTHING`

/**
 * What the last look at a queue found. covered_since: since when each look found no more consumers than there were
 * workers that are heard of; NULL where the last one found more.
 */
const QUEUES = `
  CREATE TABLE IF NOT EXISTS monitor.queue (
    name            text NOT NULL,
    looked_at       timestamptz NOT NULL,
    messages        integer NOT NULL,
    consumers       integer NOT NULL,
    unacknowledged  integer,
    covered_since   timestamptz,
    CONSTRAINT queue_pkey PRIMARY KEY (name)
  ) WITH (fillfactor = 50)`

/** As in 1795300070000. */
const stateRank = (more: string): string => `
  CREATE OR REPLACE FUNCTION monitor.state_rank(state text) RETURNS integer
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
      WHEN state IS NULL OR state = 'PENDING' THEN 0
      WHEN state = 'RECEIVED' THEN 1
      WHEN state IN ('SUCCESS', 'FAILURE', 'REVOKED', 'REJECTED', 'IGNORED', 'LOST') THEN 3
      ${more}
      ELSE 2
    END
  $$`

/** As in 1795400052000: a worker that announces its stop may still be at work. */
const workerTrouble = (wentOffline: string): string => `
  CREATE OR REPLACE FUNCTION monitor.worker_trouble(name text, task text, since timestamptz, missed_beats double precision)
  RETURNS jsonb
  LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE
      WHEN offline_at >= greatest(last_heartbeat_at, online_at, since) THEN jsonb_build_object(
        'kind', 'offline', 'at', offline_at,
        'reason', 'worker ' || hostname || ${wentOffline} || monitor.in_words(now() - offline_at) || ' ago')
      WHEN last_heartbeat_at IS NOT NULL AND greatest(updated_at, since)
          < now() - missed_beats * coalesce(nullif(heartbeat_every_s, 0), 2) * interval '1 second'
        THEN jsonb_build_object(
        'kind', 'silent', 'at', updated_at,
        'reason', 'worker ' || hostname || ' stopped sending heartbeats '
          || monitor.in_words(now() - updated_at) || ' ago')
      WHEN online_at > since AND pid <> (
          SELECT (fields ->> 'pid')::numeric FROM monitor.event
          WHERE event.task_id = task AND event.hostname = worker.hostname
            AND jsonb_typeof(fields -> 'pid') = 'number'
          ORDER BY happened_at DESC LIMIT 1)
        THEN jsonb_build_object(
        'kind', 'restarted', 'at', online_at,
        'reason', 'worker ' || hostname || ' was started again ' || monitor.in_words(now() - online_at)
          || ' ago, as another process')
    END
    FROM monitor.worker
    WHERE hostname = name
  $$`

/** What is due in the vault, as in 1795600010000. */
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

const REASON_BEFORE = `coalesce(
      CASE WHEN status IN ('PENDING', 'RECEIVED', 'RETRY', 'UNROUTED') THEN ${BEFORE_IT} || ${DUE_IN_VAULT} || ${AFTER_IT} END,
      ${REASON_OF_HELD})`

/** Doubt says itself why; see src/monitor/evidence. */
export const REASON = `CASE WHEN status = 'UNHEARD' THEN unheard ->> 'reason' ELSE ${REASON_BEFORE} END`
