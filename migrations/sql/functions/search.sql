-- The text that a search for words looks through. Immutable, so that a trigram index can be put on it
-- (docs/monitor.md).
CREATE OR REPLACE FUNCTION monitor.task_text(name text, args jsonb, kwargs jsonb, exception text, result jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce(name, '') || E'\n' || coalesce(args::text, '') || E'\n' || coalesce(kwargs::text, '') || E'\n'
    || coalesce(exception, '') || E'\n' || coalesce(result::text, '')
$$;

-- The ids of the steps that are still to come, wherever among the follow-ups. A group or a chord is never published
-- itself: in Python both have the id of the group, here a chord has that of its body. Errbacks come only if something
-- fails, those of a later step too.
CREATE OR REPLACE FUNCTION monitor.follow_up_ids(follow_ups jsonb) RETURNS SETOF text
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 3 AS $$
  SELECT id #>> '{}'
  FROM jsonb_path_query(follow_ups, '$.** ? (!(@.kind == "group" || @.kind == "chord")).id') AS id
  EXCEPT
  SELECT id #>> '{}' FROM jsonb_path_query(follow_ups, '$.**.errbacks.**.id') AS id
$$;
