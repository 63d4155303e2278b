-- The words in which monitor.task_history says why a task is in its status.

-- A span for people: seconds below 100 s, then minutes, hours, days. NULL for NULL, which greatest() would overlook.
CREATE OR REPLACE FUNCTION monitor.in_words(span interval) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN s < 100 THEN round(s) || ' s'
    WHEN s < 6000 THEN round(s / 60) || ' min'
    WHEN s < 172800 THEN round(s / 3600) || ' h'
    ELSE round(s / 86400) || ' days'
  END
  FROM (SELECT CASE WHEN span IS NOT NULL
    THEN greatest(extract(epoch FROM span), 0)::numeric END AS s) AS seconds
$$;

-- Evidence that a worker no longer has the task it had at that time; NULL where it lives, or was never heard of.
-- Workers that lose the broker come online again as the same process, with all they had; a worker that announces its
-- stop may still be at work. Silence is measured by the database's clock, as theirs may be wrong: updated_at is when
-- something was heard of a worker.
CREATE OR REPLACE FUNCTION monitor.worker_trouble(name text, task text, since timestamptz, missed_beats double precision)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN offline_at >= greatest(last_heartbeat_at, online_at, since) THEN jsonb_build_object(
      'kind', 'offline', 'at', offline_at,
      'reason', 'worker ' || hostname || ' announced its stop ' || monitor.in_words(now() - offline_at) || ' ago')
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
$$;

-- A task whose worker cut it off, as a cold stop of Celery does: acknowledged early it is nowhere any more.
CREATE OR REPLACE FUNCTION monitor.cut_off(task text, queue text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT 'cut off' || coalesce(' by worker ' || hostname, '') || ' ' || monitor.in_words(now() - happened_at)
    || ' ago; back in ' || coalesce('queue ' || queue, 'its queue') || ' if it is acknowledged late'
  FROM (
    SELECT type, hostname, happened_at FROM monitor.event
    WHERE event.task_id = task ORDER BY happened_at DESC LIMIT 1) AS latest
  WHERE type = 'task-cancelled'
$$;

-- How a task was revoked, as the worker reported it.
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
$$;
