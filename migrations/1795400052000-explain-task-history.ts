import type { MigrationInterface, QueryRunner } from 'typeorm'

/** The view learns to say why: the status in words, and what the record of a task has gained. */
export class ExplainTaskHistory1795400052000 implements MigrationInterface {
  readonly name = 'ExplainTaskHistory1795400052000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    for (const statement of [IN_WORDS, WORKER_TROUBLE, REVOCATION, historyView(STATUS, REASON)])
      await runner.query(statement)
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement)
  }
}

export const IN_WORDS = `
  CREATE OR REPLACE FUNCTION monitor.in_words(span interval) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
      WHEN s < 100 THEN round(s) || ' s'
      WHEN s < 6000 THEN round(s / 60) || ' min'
      WHEN s < 172800 THEN round(s / 3600) || ' h'
      ELSE round(s / 86400) || ' days'
    END
    FROM (SELECT greatest(extract(epoch FROM span), 0)::numeric AS s) AS seconds
  $$`

/**
 * What shows that a worker no longer has what it had at that time; NULL where it lives, or was never heard of. Workers
 * that lose the broker come online again as the same process, with all they had. Silence is measured by our own clock,
 * as theirs may be wrong: updated_at is when something was heard of a worker.
 */
const WORKER_TROUBLE = `
  CREATE OR REPLACE FUNCTION monitor.worker_trouble(name text, task text, since timestamptz, missed_beats double precision)
  RETURNS jsonb
  LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE
      WHEN offline_at >= greatest(last_heartbeat_at, online_at, since) THEN jsonb_build_object(
        'kind', 'offline', 'at', offline_at,
        'reason', 'worker ' || hostname || ' went offline ' || monitor.in_words(now() - offline_at) || ' ago')
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

/** What the worker that revoked a task told of it. */
const REVOCATION = `
  CREATE OR REPLACE FUNCTION monitor.revocation(task text) RETURNS text
  LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN fields @> '{"terminated": true}'
        THEN 'revoked while it ran, and terminated' || coalesce(' with signal ' || (fields ->> 'signum'), '')
        ELSE 'revoked before it ran' END
      || coalesce(', by worker ' || hostname, '')
    FROM monitor.event
    WHERE event.task_id = task AND type = 'task-revoked'
    ORDER BY happened_at DESC
    LIMIT 1
  $$`

/** What the backend holds counts at once, whether it is absorbed yet or not; see monitor.stored_is_further. */
const KNOWN = `
    SELECT task.*, meta.status::text AS stored, meta.date_done AT TIME ZONE 'UTC' AS stored_at,
      meta.result AS stored_bytes, meta.traceback AS stored_traceback, meta.name AS stored_name,
      meta.worker AS stored_worker, meta.retries AS stored_retries,
      coalesce(monitor.stored_is_further(meta.status, meta.date_done, task.state, task.state_at, task.lost), false)
        AS stored_more
    FROM monitor.task
    LEFT JOIN public.celery_taskmeta meta ON meta.task_id = task.task_id`

const READ = 'monitor.stored_result(stored, stored_bytes, 2147483647)'
const STORED_EXCEPTION = `CASE WHEN stored IN ('FAILURE', 'RETRY', 'REVOKED') THEN monitor.exception_text(${READ}) END`
const STATE_AT = 'CASE WHEN stored_more THEN stored_at ELSE state_at END'

/** A worker that takes an expired task revokes it; a task that has started does not expire. */
export const STATUS = `CASE
        WHEN expires <= ${STATE_AT} AND started_at IS NULL
          AND CASE WHEN stored_more THEN stored ELSE state END = 'REVOKED' THEN 'EXPIRED'
        WHEN stored_more THEN stored
        WHEN state <> 'PENDING' THEN state
        WHEN options @> '{"unrouted": true}' THEN 'UNROUTED'
        WHEN expires <= now() THEN 'EXPIRED'
        WHEN eta > now() THEN 'SCHEDULED'
        ELSE 'PENDING'
      END`

const told = (status: string): string => `
    SELECT known.*,
      ${status} AS status,
      ${STATE_AT} AS status_at,
      CASE WHEN stored_more THEN coalesce(stored_worker, worker) ELSE coalesce(worker, stored_worker) END AS any_worker,
      CASE WHEN stored_more THEN ${READ}
        ELSE coalesce(CASE WHEN result ? '__truncated__' AND stored = state THEN NULL ELSE result END,
          CASE WHEN stored = state THEN ${READ} END, result) END AS any_result,
      CASE WHEN stored_more THEN coalesce(${STORED_EXCEPTION},
          CASE WHEN stored IN ('FAILURE', 'RETRY', 'REVOKED') THEN exception END)
        ELSE coalesce(exception, CASE WHEN stored = state THEN ${STORED_EXCEPTION} END) END AS any_exception,
      CASE WHEN stored_more THEN coalesce(stored_traceback,
          CASE WHEN stored IN ('FAILURE', 'RETRY', 'REVOKED') THEN traceback END)
        ELSE coalesce(traceback, CASE WHEN stored = state THEN stored_traceback END) END AS any_traceback
    FROM (${KNOWN}
    ) AS known`

const IN_QUEUE = `coalesce('waiting in queue ' || queue, 'waiting')`

/** As heartbeats come every two seconds as a rule: half a minute. */
export const MISSED_BEATS = 15

export const REASON = `CASE status
      WHEN 'UNROUTED' THEN 'no work queue is bound to key ' || coalesce(routing_key, '?')
      WHEN 'SCHEDULED' THEN 'eta in ' || monitor.in_words(eta - now())
      WHEN 'PENDING' THEN ${IN_QUEUE}
      WHEN 'EXPIRED' THEN CASE WHEN stored_more OR state = 'REVOKED'
        THEN 'expired ' || monitor.in_words(status_at - expires) || ' before a worker took it'
        ELSE 'expired ' || monitor.in_words(now() - expires) || ' ago, and no worker had taken it' END
      WHEN 'RETRY' THEN 'retry ' || greatest(retries, stored_retries, 1)
        || CASE WHEN eta > now() THEN ' in ' || monitor.in_words(eta - now()) ELSE ', ' || ${IN_QUEUE} END
        || coalesce('; it failed with ' || any_exception, '')
      WHEN 'LOST' THEN lost ->> 'reason'
      WHEN 'REVOKED' THEN coalesce(monitor.revocation(task_id), 'revoked')
      WHEN 'FAILURE' THEN any_exception
      WHEN 'SUCCESS' THEN CASE WHEN lost ->> 'kind' = 'no-result' AND any_result IS NULL THEN lost ->> 'reason' END
      WHEN 'REJECTED' THEN coalesce('rejected by worker ' || any_worker, 'rejected')
      WHEN 'IGNORED' THEN NULL
      ELSE coalesce(
        monitor.worker_trouble(any_worker, task_id, status_at, ${MISSED_BEATS}) ->> 'reason',
        CASE
          WHEN status <> 'RECEIVED' THEN coalesce('running on worker ' || any_worker, 'running')
            || coalesce(' for ' || monitor.in_words(now() - started_at), '')
          WHEN eta > now() THEN coalesce('held by worker ' || any_worker, 'held by a worker')
            || ' until its eta, in ' || monitor.in_words(eta - now())
          ELSE coalesce('received by worker ' || any_worker, 'received')
            || coalesce(' ' || monitor.in_words(now() - received_at) || ' ago', '') || ', not started yet'
        END)
    END`

/** A task that was given up, and then went on. */
const GONE_ON = `CASE WHEN status <> 'LOST' AND lost ->> 'state' = 'LOST'
      THEN 'it had been taken for lost: ' || (lost ->> 'reason') END`

/**
 * A query pays for what it selects: stored results are read only for \`result\`, \`exception\` and \`reason\`, and workers
 * and events are looked up for \`reason\` alone.
 */
export const historyView = (status: string, reason: string): string => `
  CREATE OR REPLACE VIEW monitor.task_history AS
  SELECT
    task_id, kind, coalesce(name, stored_name) AS name, status, state, args, kwargs, options, queue, routing_key, origin,
    lang, root_id, parent_id, group_id, eta, expires, greatest(retries, stored_retries) AS retries, published_at,
    received_at, started_at,
    -- Celery dates some unfinished states too.
    CASE WHEN stored_more AND monitor.state_class(stored) = 2 THEN coalesce(stored_at, finished_at)
      ELSE coalesce(finished_at, CASE WHEN monitor.state_class(stored) = 2 THEN stored_at END) END AS finished_at,
    runtime_ms, any_worker AS worker, any_result AS result, any_exception AS exception, any_traceback AS traceback,
    creator_id, related_type, related_id, is_result, updated_at,
    nullif(concat_ws('; ', ${reason}, ${GONE_ON}), '') AS reason,
    status_at AS state_at, replay_of, lost, follow_ups
  FROM (${told(status)}
  ) AS told
`

/** The view as it was. */
const DOWN = [
  'DROP VIEW monitor.task_history',
  'DROP FUNCTION monitor.revocation(text)',
  'DROP FUNCTION monitor.worker_trouble(text, text, timestamptz, double precision)',
  'DROP FUNCTION monitor.in_words(interval)',
  `
  CREATE VIEW monitor.task_history AS
  SELECT
    task.task_id,
    task.kind,
    coalesce(task.name, meta.name) AS name,
    CASE
      WHEN meta.status IS NOT NULL AND monitor.state_rank(task.state) <= monitor.state_rank(meta.status)
        THEN meta.status::text
      WHEN task.state = 'PENDING' AND task.expires <= now() THEN 'EXPIRED'
      WHEN task.state = 'PENDING' AND task.eta > now() THEN 'SCHEDULED'
      ELSE task.state
    END AS status,
    task.state,
    task.args,
    task.kwargs,
    task.options,
    task.queue,
    task.routing_key,
    task.origin,
    task.lang,
    task.root_id,
    task.parent_id,
    task.group_id,
    task.eta,
    task.expires,
    greatest(task.retries, meta.retries) AS retries,
    task.published_at,
    task.received_at,
    task.started_at,
    -- Celery dates some unfinished states too.
    coalesce(task.finished_at, CASE WHEN monitor.state_rank(meta.status) = 3
      THEN meta.date_done AT TIME ZONE 'UTC' END) AS finished_at,
    task.runtime_ms,
    coalesce(task.worker, meta.worker) AS worker,
    CASE
      WHEN meta.status IS NULL OR monitor.state_rank(task.state) > monitor.state_rank(meta.status) THEN task.result
      -- Celery stores None as NULL, or (5.7) as JSON's null.
      ELSE coalesce(nullif(monitor.read_result(meta.result), 'null'), task.result,
        CASE meta.status WHEN 'SUCCESS' THEN 'null'::jsonb END)
    END AS result,
    coalesce(task.exception, CASE WHEN meta.status IN ('FAILURE', 'RETRY', 'REVOKED')
      THEN monitor.exception_text(monitor.read_result(meta.result)) END) AS exception,
    coalesce(task.traceback, meta.traceback) AS traceback,
    task.creator_id,
    task.related_type,
    task.related_id,
    task.is_result,
    task.updated_at
  FROM monitor.task
  LEFT JOIN public.celery_taskmeta meta ON meta.task_id = task.task_id
`,
]
