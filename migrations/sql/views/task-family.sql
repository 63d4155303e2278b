-- A family is found by its root, and by its first member while the root is not there (its message is still to come, or
-- was pruned). Each is summed up when its row is read: a query for the latest 20 looks at the members of 20.
CREATE OR REPLACE VIEW monitor.task_family AS
SELECT
  root.root_id,
  CASE WHEN root.task_id = root.root_id THEN root.name END AS name,
  family.overall_status,
  family.overall_results,
  family.tasks,
  family.statuses,
  family.pending_steps,
  root.published_at,
  family.started_at,
  CASE WHEN family.is_over THEN family.finished_at END AS finished_at,
  CASE WHEN family.is_over THEN family.finished_at ELSE now() END - family.published_at AS span,
  root.creator_id,
  root.related_type,
  root.related_id
FROM monitor.task AS root
CROSS JOIN LATERAL (
  WITH member AS MATERIALIZED (
    -- A result stored before the task is over is progress, or the reason of a retry.
    SELECT task_id, name, status, published_at, started_at, finished_at,
      CASE WHEN is_result AND monitor.state_class(status) = 2 THEN result END AS result
    FROM monitor.task_history
    WHERE task_history.root_id = root.root_id
  ), by_status AS (
    -- Celery's own helper that waits for the members of a chord counts for nothing.
    SELECT status, count(*) AS tasks
    FROM member
    WHERE name IS DISTINCT FROM 'celery.chord_unlock'
    GROUP BY status
  ), step AS (
    SELECT DISTINCT monitor.follow_up_ids(follow_ups) AS task_id
    FROM monitor.task
    WHERE task.root_id = root.root_id AND follow_ups IS NOT NULL
  )
  SELECT rest.*, tasks, statuses.statuses, overall_status, pending_steps,
    -- Where something failed, what was to follow it never comes.
    is_quiet AND (is_broken OR pending_steps = 0) AS is_over
  FROM
    (SELECT
      coalesce(sum(tasks), 0)::integer AS tasks,
      coalesce(jsonb_object_agg(status, tasks), '{}') AS statuses,
      CASE
        WHEN count(*) = 0 THEN 'PENDING'
        WHEN count(*) = 1 THEN min(status)
        WHEN bool_or(status = 'FAILURE') THEN 'FAILURE'
        ELSE 'STARTED'
      END AS overall_status,
      coalesce(bool_and(monitor.state_class(status) = 2 OR status IN ('EXPIRED', 'UNROUTED')), false) AS is_quiet,
      coalesce(bool_or(status NOT IN ('SUCCESS', 'IGNORED')), false) AS is_broken
    FROM by_status) AS statuses,
    (SELECT count(*)::integer AS pending_steps
    FROM step
    WHERE NOT EXISTS (SELECT FROM monitor.task WHERE task.task_id = step.task_id)) AS steps,
    (SELECT
      min(published_at) AS published_at,
      min(started_at) AS started_at,
      max(finished_at) AS finished_at,
      coalesce(jsonb_agg(result ORDER BY published_at, task_id) FILTER (WHERE result IS NOT NULL), '[]')
        AS overall_results
    FROM member) AS rest
) AS family
-- A task of which only its result is known does not say what its root is, though others may name it as theirs.
WHERE root.task_id = root.root_id
  OR (root.root_id IS NOT NULL
    AND NOT EXISTS (SELECT FROM monitor.task AS known
      WHERE known.task_id = root.root_id AND known.root_id = root.root_id)
    AND NOT EXISTS (SELECT FROM monitor.task AS earlier WHERE earlier.root_id = root.root_id
      AND (coalesce(earlier.published_at, 'infinity'), earlier.task_id)
        < (coalesce(root.published_at, 'infinity'), root.task_id)));
