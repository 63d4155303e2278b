/** The statements of the board in PostgreSQL. A claimed job is only written by its owner under its epoch. */

export const JOB_CHANNEL = 'celery_toolbox_jobs'

const COLUMNS = `uuid, name, flow_id AS "flowId", priority, CASE WHEN state = 'CLAIMED' AND lease_until < now() THEN 'UNCLAIMED'
  ELSE state END AS state, details::text, owner, attempts, CASE WHEN run_at = 'infinity' THEN NULL ELSE run_at END AS "runAt",
  schedule, is_held AS "isHeld", created_on AS "createdOn", last_modified AS "lastModified", epoch::int`

/** May be claimed now: free and due, or left by an owner whose lease is over. */
const CLAIMABLE = `NOT is_held AND ((state = 'UNCLAIMED' AND run_at <= now()) OR (state = 'CLAIMED' AND lease_until < now()))`

export const POST = `
  INSERT INTO flows.job (uuid, board, name, flow_id, priority, run_at, schedule, details)
  VALUES ($1, $2, $3, $4, $5, coalesce($6::timestamptz, now() + $7::float8 * interval '1 ms'), $8, $9::json)
  RETURNING ${COLUMNS}, pg_notify('${JOB_CHANNEL}', board)`

export const LIST = `
  SELECT ${COLUMNS} FROM flows.job
  WHERE board = $1 AND ($2::bool IS NOT TRUE OR state = 'UNCLAIMED' OR (state = 'CLAIMED' AND lease_until < now()))
    AND ($3::bool OR run_at <= now()) AND state <> 'TRASHED'
  ORDER BY priority DESC, id LIMIT 10000`

export const FIND = `SELECT ${COLUMNS} FROM flows.job WHERE board = $1 AND (uuid = $2 OR flow_id = $2) LIMIT 1`

const TAKE = `
  UPDATE flows.job SET state = 'CLAIMED', owner = $2, epoch = epoch + 1, waits_for = '{}',
    lease_until = now() + $3::float8 * interval '1 ms', last_modified = now()`

/** The flow's own rows are fenced in the same transaction: an owner before can write nothing from here on. */
const FENCE = `, fenced AS (UPDATE flows.flow SET epoch = taken.epoch FROM taken WHERE flow.id = taken."flowId")
  SELECT * FROM taken`

const IS_ASKED_FOR = `($4::text[] IS NULL OR details ->> 'flow' = ANY ($4) OR ($5::bool AND details ->> 'definition' IS NOT NULL))`

/** Of free jobs and of those left by their owners one each, by an index of its own: thousands may wait. */
const firstOf = (condition: string): string => `
  SELECT * FROM (SELECT id, priority FROM flows.job WHERE board = $1 AND NOT is_held AND ${condition} AND ${IS_ASKED_FOR}
    ORDER BY priority DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED) AS first`

export const CLAIM_NEXT = `
  WITH taken AS (${TAKE} WHERE id = (SELECT id FROM (
    ${firstOf(`state = 'UNCLAIMED' AND run_at <= now() AND run_at < 'infinity'`)} UNION ALL
    ${firstOf(`state = 'CLAIMED' AND lease_until < now()`)}) AS either ORDER BY priority DESC, id LIMIT 1)
  RETURNING ${COLUMNS})${FENCE}`

export const CLAIM_ONE = `
  WITH taken AS (${TAKE} WHERE id = (SELECT id FROM flows.job WHERE board = $1 AND ${CLAIMABLE} AND uuid = $4
    FOR UPDATE SKIP LOCKED) RETURNING ${COLUMNS})${FENCE}`

const OWNED = `uuid = $1 AND epoch = $2::bigint AND state = 'CLAIMED'`

export const EXTEND = `
  UPDATE flows.job SET lease_until = now() + $3::float8 * interval '1 ms' WHERE ${OWNED} AND lease_until > now() RETURNING is_held AS "isHeld"`

export const CONSUME_UNSCHEDULED = `DELETE FROM flows.job WHERE ${OWNED} AND schedule IS NULL RETURNING uuid`

/** As it is now: it may have been set since the job was claimed. */
export const SCHEDULE = `SELECT schedule FROM flows.job WHERE ${OWNED} AND schedule IS NOT NULL`

/** A scheduled job keeps the values that it was posted with, and gets a new run. */
export const POST_AGAIN = `
  UPDATE flows.job SET state = 'UNCLAIMED', owner = NULL, lease_until = NULL, attempts = 0, run_at = $3, flow_id = $4,
    details = $5::json, failure = NULL, last_modified = now() WHERE ${OWNED} RETURNING uuid, pg_notify('${JOB_CHANNEL}', board)`

export const ABANDON = `
  UPDATE flows.job SET state = 'UNCLAIMED', owner = NULL, lease_until = NULL, attempts = attempts + $3::int,
    failure = coalesce($4::json, failure), last_modified = now()
  WHERE ${OWNED} RETURNING uuid, pg_notify('${JOB_CHANNEL}', board)`

export const RELEASE = `
  UPDATE flows.job SET state = 'UNCLAIMED', owner = NULL, lease_until = NULL, waits_for = $4::text[],
    run_at = coalesce(to_timestamp($3::float8 / 1000), 'infinity'), last_modified = now()
  WHERE ${OWNED} RETURNING uuid, pg_notify('${JOB_CHANNEL}', board)`

/** After RELEASE, in its transaction but by a later snapshot: a signal that came in between is seen. */
export const WAKE_IF_SIGNALLED = `
  UPDATE flows.job SET run_at = now() WHERE uuid = $1 AND state = 'UNCLAIMED'
    AND EXISTS (SELECT FROM flows.signal WHERE signal.flow_id = job.flow_id AND signal.name = ANY (job.waits_for))`

export const TRASH = `
  UPDATE flows.job SET state = 'TRASHED', owner = NULL, lease_until = NULL, failure = coalesce($3::json, failure),
    last_modified = now() WHERE ${OWNED} RETURNING uuid`

/** Their owner finds at the next heartbeat, or the next write, that the lease is lost. Locked in one order: two who trash the same do not deadlock. */
export const TRASH_MATCHING = `
  WITH found AS MATERIALIZED (SELECT id FROM flows.job WHERE board = $1 AND state <> 'TRASHED' AND uuid = ANY ($2)
    ORDER BY id FOR NO KEY UPDATE),
  trashed AS (UPDATE flows.job SET state = 'TRASHED', owner = NULL, epoch = epoch + 1, last_modified = now()
    FROM found WHERE job.id = found.id RETURNING flow_id, epoch),
  fenced AS (UPDATE flows.flow SET epoch = trashed.epoch FROM trashed WHERE flow.id = trashed.flow_id)
  SELECT count(*)::int AS count FROM trashed`

export const LIST_TRASH = `SELECT ${COLUMNS}, failure::text FROM flows.job WHERE board = $1 AND state = 'TRASHED' ORDER BY id`

export const REPLAY = `
  UPDATE flows.job SET state = 'UNCLAIMED', attempts = 0, run_at = now(), failure = NULL, last_modified = now()
  WHERE board = $1 AND (uuid = $2 OR flow_id = $2) AND state = 'TRASHED'
  RETURNING uuid, pg_notify('${JOB_CHANNEL}', board)`

export const HOLD = `
  UPDATE flows.job SET is_held = $3, last_modified = now() WHERE board = $1 AND (uuid = $2 OR flow_id = $2)
  RETURNING uuid, pg_notify('${JOB_CHANNEL}', board)`

/** Not a job that has an owner. */
export const REMOVE_FREE = `
  DELETE FROM flows.job WHERE board = $1 AND flow_id = $2 AND (state <> 'CLAIMED' OR lease_until < now())`

export const RESET_SCHEDULE = `
  UPDATE flows.job SET schedule = $3, run_at = CASE WHEN state = 'UNCLAIMED' THEN $4::timestamptz ELSE run_at END,
    last_modified = now() WHERE board = $1 AND (uuid = $2 OR flow_id = $2) RETURNING uuid, pg_notify('${JOB_CHANNEL}', board)`

/**
 * Milliseconds until something may be claimed that could not be claimed at the last look, within the last second. What stays
 * unclaimed for longer is held, or for other conductors.
 */
export const NEXT_DUE = `
  SELECT ceil(extract(epoch FROM least(
    (SELECT min(run_at) FROM flows.job WHERE board = $1 AND state = 'UNCLAIMED' AND NOT is_held
      AND run_at > now() - interval '1 s' AND run_at < 'infinity'),
    (SELECT min(lease_until) FROM flows.job WHERE board = $1 AND state = 'CLAIMED' AND NOT is_held
      AND lease_until > now() - interval '1 s')) - now()) * 1000)::float8 AS ms`

export const REGISTER = `
  INSERT INTO flows.entity (board, kind, name, metadata, lease_until)
  VALUES ($1, $2, $3, $4::json, now() + $5::float8 * interval '1 ms')
  ON CONFLICT (board, kind, name) DO UPDATE SET metadata = excluded.metadata, lease_until = excluded.lease_until`

export const ENTITIES = `
  SELECT kind, name, metadata FROM flows.entity WHERE board = $1 AND lease_until > now() ORDER BY kind, name`

export const UNREGISTER = `DELETE FROM flows.entity WHERE board = $1 AND kind = $2 AND name = $3`

export const AWAITED = `
  SELECT flow_id AS "flowId", awaited AS signal FROM flows.job, unnest(waits_for) AS awaited
  WHERE board = $1 AND state = 'UNCLAIMED' AND run_at > now() AND awaited ~ $2
  ORDER BY random() LIMIT $3`
