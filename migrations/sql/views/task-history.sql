-- One row a task, as people query it: the record of the monitor joined with the row of Celery's own result table, which
-- counts at once, whether it is absorbed yet or not (see monitor.stored_is_further).
--
-- A query pays for what it selects: stored results are read only for result, exception and reason, and workers and
-- events are looked up for reason alone. 15 missed heartbeats, which come every two seconds as a rule, are half a minute.
CREATE OR REPLACE VIEW monitor.task_history AS
SELECT
  task_id, kind, coalesce(name, stored_name) AS name, status, state, args, kwargs, options, queue, routing_key, origin,
  lang, root_id, parent_id, group_id, eta, expires, greatest(retries, stored_retries) AS retries, published_at,
  received_at, started_at,
  -- Celery dates some unfinished states too, by the clock of the worker: what is recorded of the same end is corrected.
  CASE WHEN stored_more AND monitor.state_class(stored) = 2 AND stored <> state
      THEN coalesce(least(stored_at, now()), finished_at)
    ELSE coalesce(finished_at, CASE WHEN monitor.state_class(stored) = 2 THEN least(stored_at, now()) END)
  END AS finished_at,
  runtime_ms, any_worker AS worker, any_result AS result, any_exception AS exception, any_traceback AS traceback,
  creator_id, related_type, related_id, is_result, updated_at,
  nullif(concat_ws('; ',
    nullif(concat_ws('; ',
      coalesce(
        -- Without events nothing shows whether it still runs.
        CASE WHEN any_worker IS NULL AND event_state IS NULL AND monitor.state_class(status) = 1
            AND status NOT IN ('RETRY', 'RECEIVED', 'LOST', 'UNHEARD', 'EXPIRED', 'UNROUTED', 'SCHEDULED')
            AND stored IS NOT NULL
          THEN 'started' || coalesce(' ' || monitor.in_words(now() - started_at) || ' ago', '')
            || '; its worker sent no event of it, so nothing shows whether it still runs' END,
        CASE WHEN status = 'UNHEARD' THEN unheard ->> 'reason'
        ELSE coalesce(
          -- Due in the vault and still there: it is in no queue.
          CASE WHEN status IN ('PENDING', 'RECEIVED', 'RETRY', 'UNROUTED') THEN
            CASE status
              WHEN 'RETRY' THEN 'retry ' || greatest(retries, stored_retries, 1) || ', '
              WHEN 'UNROUTED' THEN 'no work queue is bound to key ' || coalesce(routing_key, '?') || '; '
              ELSE '' END
            || (SELECT 'due ' || monitor.in_words(now() - held.due_at) || ' ago, '
                || CASE WHEN held.problem IS NULL THEN 'waiting in the vault to be published'
                  ELSE 'and the broker refused it'
                    || coalesce(' ' || monitor.in_words(now() - held.refused_at) || ' ago', '')
                    || ': ' || held.problem END
              FROM monitor.scheduled held
              WHERE held.task_id = outcome.task_id AND held.due_at <= now())
            || CASE WHEN status = 'RETRY' THEN coalesce('; it failed with ' || any_exception, '') ELSE '' END
          END,
          coalesce(
            CASE WHEN status = 'RECEIVED' THEN
              monitor.worker_trouble(any_worker, task_id, status_at, 15) ->> 'reason' || ', so it goes back to its queue'
            END,
            CASE status
              WHEN 'UNROUTED' THEN 'no work queue is bound to key ' || coalesce(routing_key, '?')
              WHEN 'SCHEDULED' THEN 'eta in ' || monitor.in_words(eta - now())
              WHEN 'PENDING' THEN coalesce('waiting in queue ' || queue, 'waiting')
              WHEN 'EXPIRED' THEN CASE WHEN stored_more OR state = 'REVOKED'
                THEN 'expired ' || monitor.in_words(status_at - expires) || ' before a worker took it'
                ELSE 'expired ' || monitor.in_words(now() - expires) || ' ago, and no worker had taken it' END
              WHEN 'RETRY' THEN coalesce(monitor.cut_off(task_id, queue), 'retry ' || greatest(retries, stored_retries, 1)
                || CASE WHEN eta > now() THEN ' in ' || monitor.in_words(eta - now())
                  ELSE ', ' || coalesce('waiting in queue ' || queue, 'waiting') END
                || coalesce('; it failed with ' || any_exception, ''))
              WHEN 'LOST' THEN lost ->> 'reason'
              WHEN 'REVOKED' THEN coalesce(monitor.revocation(task_id), 'revoked')
              WHEN 'FAILURE' THEN any_exception
              WHEN 'SUCCESS' THEN
                CASE WHEN lost ->> 'kind' = 'no-result' AND any_result IS NULL THEN lost ->> 'reason' END
              WHEN 'REJECTED' THEN coalesce('rejected by worker ' || any_worker, 'rejected')
              WHEN 'IGNORED' THEN NULL
              ELSE coalesce(
                monitor.worker_trouble(any_worker, task_id, status_at, 15) ->> 'reason',
                CASE
                  WHEN status <> 'RECEIVED' THEN coalesce('running on worker ' || any_worker, 'running')
                    || coalesce(' for ' || monitor.in_words(now() - started_at), '')
                  WHEN eta > now() THEN coalesce('held by worker ' || any_worker, 'held by a worker')
                    || ' until its eta, in ' || monitor.in_words(eta - now())
                  ELSE coalesce('received by worker ' || any_worker, 'received')
                    || coalesce(' ' || monitor.in_words(now() - received_at) || ' ago', '') || ', not started yet'
                END)
            END
            -- Received before its eta: a worker holds it, or put it into the vault.
            || CASE WHEN state = 'RECEIVED' AND NOT stored_more AND eta > now() THEN '; ' || coalesce(
                CASE WHEN EXISTS (SELECT FROM monitor.scheduled held WHERE held.task_id = outcome.task_id)
                  THEN 'it waits in the vault' END,
                monitor.worker_trouble(any_worker, task_id, status_at, 15) ->> 'reason'
                  || ', so it goes back to its queue',
                'held by worker ' || any_worker, 'held by a worker')
              ELSE '' END))
        END),
      CASE WHEN clash
        THEN 'two calls were published under this id: arguments and result may be of different ones' END,
      CASE options ->> 'reported_by'
        WHEN 'result' THEN 'known by its result alone: no message of it is recorded'
        WHEN 'event' THEN 'known by events of its worker alone: no message of it is recorded'
        -- No monitor ran, or a clock is wrong.
        ELSE CASE WHEN ended_at < published_at - interval '5 seconds'
          THEN 'its end is dated ' || monitor.in_words(published_at - ended_at)
            || ' before the monitor saw its message'
          -- A redelivery runs, or was cut off.
          WHEN ended_at < started_at - interval '5 seconds' AND monitor.state_class(status) = 2
          THEN 'it was started again ' || monitor.in_words(started_at - ended_at) || ' after its end' END END), ''),
    -- A task that was given up, and then went on.
    CASE WHEN status <> 'LOST' AND lost ->> 'state' = 'LOST'
      THEN 'it had been taken for lost: ' || (lost ->> 'reason') END), '') AS reason,
  status_at AS state_at, replay_of, lost, follow_ups
FROM (
  SELECT known.*,
    coalesce(finished_at, CASE WHEN monitor.state_class(stored) = 2 THEN stored_at END) AS ended_at,
    -- A worker that receives an expired task revokes it; a task that has started does not expire.
    CASE
      WHEN state = 'RECEIVED' AND NOT stored_more AND eta > now()
        THEN CASE WHEN retries > 0 THEN 'RETRY' ELSE 'SCHEDULED' END
      ELSE CASE
        WHEN expires <= CASE WHEN stored_more THEN stored_at ELSE state_at END AND started_at IS NULL
          AND CASE WHEN stored_more THEN stored ELSE state END = 'REVOKED' THEN 'EXPIRED'
        WHEN stored_more THEN stored
        WHEN state <> 'PENDING' THEN state
        WHEN options @> '{"unrouted": true}' THEN 'UNROUTED'
        WHEN expires <= now() THEN 'EXPIRED'
        WHEN eta > now() THEN 'SCHEDULED'
        ELSE 'PENDING'
      END
    END AS status,
    CASE WHEN stored_more AND NOT (stored = state AND monitor.state_class(stored) = 2) THEN least(stored_at, now())
      ELSE state_at END AS status_at,
    CASE WHEN stored_more THEN coalesce(stored_worker, worker) ELSE coalesce(worker, stored_worker) END AS any_worker,
    CASE WHEN stored_more THEN monitor.stored_result(stored, stored_bytes, 2147483647)
      ELSE coalesce(
        CASE WHEN result ? '__truncated__' AND stored = state THEN NULL ELSE result END,
        CASE WHEN stored = state THEN monitor.stored_result(stored, stored_bytes, 2147483647) END,
        result) END AS any_result,
    CASE WHEN stored_more THEN coalesce(
        CASE WHEN stored IN ('FAILURE', 'RETRY', 'REVOKED')
          THEN monitor.exception_text(monitor.stored_result(stored, stored_bytes, 2147483647)) END,
        CASE WHEN stored IN ('FAILURE', 'RETRY', 'REVOKED') THEN exception END)
      ELSE coalesce(
        exception,
        CASE WHEN stored = state THEN CASE WHEN stored IN ('FAILURE', 'RETRY', 'REVOKED')
          THEN monitor.exception_text(monitor.stored_result(stored, stored_bytes, 2147483647)) END END)
      END AS any_exception,
    CASE WHEN stored_more THEN coalesce(
        stored_traceback,
        CASE WHEN stored IN ('FAILURE', 'RETRY', 'REVOKED') THEN traceback END)
      ELSE coalesce(traceback, CASE WHEN stored = state THEN stored_traceback END) END AS any_traceback
  FROM (
    SELECT task.*, meta.status::text AS stored, meta.date_done AT TIME ZONE 'UTC' AS stored_at,
      meta.result AS stored_bytes, meta.traceback AS stored_traceback, meta.name AS stored_name,
      meta.worker AS stored_worker, meta.retries AS stored_retries,
      coalesce(monitor.stored_is_further(meta.status, meta.date_done, task.state, task.state_at, task.lost), false)
        AS stored_more
    FROM monitor.task
    LEFT JOIN public.celery_taskmeta meta ON meta.task_id = task.task_id
  ) AS known
) AS outcome;
