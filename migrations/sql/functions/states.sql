-- How the states of a task are ordered.

-- 0: published only. 1: under way, or in doubt (LOST is corrected by any sign of life). 2: over.
CREATE OR REPLACE FUNCTION monitor.state_class(state text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN state IS NULL OR state = 'PENDING' THEN 0
    WHEN state IN ('SUCCESS', 'FAILURE', 'REVOKED', 'REJECTED', 'IGNORED') THEN 2
    ELSE 1
  END
$$;

-- How far along a state is. RETRY and states that tasks invent (PROGRESS) are as far as STARTED; a doubt (UNHEARD) is
-- as far as a message.
CREATE OR REPLACE FUNCTION monitor.state_rank(state text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN state IS NULL OR state = 'PENDING' THEN 0
    WHEN state = 'RECEIVED' THEN 1
    WHEN state IN ('SUCCESS', 'FAILURE', 'REVOKED', 'REJECTED', 'IGNORED', 'LOST') THEN 3
    WHEN state = 'UNHEARD' THEN 0
    ELSE 2
  END
$$;

-- Whether a report about a task goes further than what is known: first the class decides, then the time, then anything
-- that is the same in either order of arrival. A message has no time (NULL), and yields to every report that has
-- one.
CREATE OR REPLACE FUNCTION monitor.is_further(state text, state_at timestamptz, known text, known_at timestamptz)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (monitor.state_class(state), coalesce(state_at, '-infinity'), monitor.state_rank(state), state COLLATE "C")
    > (monitor.state_class(known), coalesce(known_at, '-infinity'), monitor.state_rank(known), known COLLATE "C")
$$;

-- Whether the result backend holds a later state than the known one. A doubt (UNHEARD) stands until there is news: an
-- unfinished stored state counts only if it is later. A task that was marked LOST as never received is not lost once a
-- worker has stored anything of it, with a date or without.
-- Celery 5.7 dates only the last state. The backend holds one state a task, so a custom state that is there comes
-- after what events report of the start. A task that is over in the same state goes no further.
CREATE OR REPLACE FUNCTION monitor.stored_is_further(
  stored text, date_done timestamp, known text, known_at timestamptz, lost jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT stored IS NOT NULL AND (
    (monitor.is_further(stored, date_done AT TIME ZONE 'UTC', known, known_at)
      AND (known IS DISTINCT FROM 'UNHEARD' OR known_at IS NULL OR monitor.state_class(stored) = 2
        OR date_done AT TIME ZONE 'UTC' > known_at))
    OR (known = 'LOST' AND lost ->> 'kind' = 'never-received' AND stored <> 'PENDING'
      AND (stored <> 'RETRY' OR lost ->> 'was' = 'PENDING'))
    -- A custom state, such as PROGRESS.
    OR (date_done IS NULL
      AND (monitor.state_class(stored) = 1
        AND stored NOT IN ('RECEIVED', 'STARTED', 'RETRY', 'LOST', 'UNHEARD'))
      AND stored <> known
      AND (known IN ('PENDING', 'RECEIVED', 'STARTED', 'RETRY')
        OR (monitor.state_class(known) = 1
          AND known NOT IN ('RECEIVED', 'STARTED', 'RETRY', 'LOST', 'UNHEARD'))
        OR (known = 'UNHEARD' AND known_at IS NULL))))
$$;
