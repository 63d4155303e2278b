import { query } from './environment.ts'

const CHUNK = 100_000
const DAYS = 30

/**
 * A month of history: 20 names, half the tasks alone and half in families of ten, 5 % failures, some revoked, some
 * retried, the latest few under way; with stored results, one message each and events for some.
 */
export async function fillHistory(
  url: string,
  tasks: number,
  onProgress: (tasks: number) => void,
): Promise<void> {
  await query(url, partitions('message'))
  await query(url, partitions('event'))
  for (let from = 1; from <= tasks; from += CHUNK) {
    const to = Math.min(tasks, from + CHUNK - 1)
    await query(url, chunk(from, to, tasks))
    onProgress(to)
  }
  await query(url, LAST)
  await query(url, 'vacuum analyze')
}

function partitions(table: string): string {
  return `do $$ declare day date; begin
    for day in select (now() at time zone 'UTC')::date - i from generate_series(2, ${DAYS + 1}) i loop
      execute format('create table monitor.%I partition of monitor.${table} for values from (%L) to (%L)',
        '${table}_' || to_char(day, 'YYYYMMDD'), day, day + 1);
    end loop;
  end $$`
}

const ID = (number: string): string => `md5((${number})::text)::uuid::text`

function chunk(from: number, to: number, tasks: number): string {
  return `
    set synchronous_commit = off;
    create temporary table fresh as
    select i, ${ID('i')} as task_id,
      case when i % 20 < 10 then ${ID('i')} else ${ID('i - i % 10')} end as root_id,
      case when i % 20 < 10 or i % 10 = 0 then null when i % 10 < 4 then ${ID('i - i % 10')} else ${ID('i - 3')} end as parent_id,
      'export.task_' || lpad((i % 20)::text, 2, '0') as name,
      (array['export', 'import', 'mail', 'celery'])[1 + i % 4] as queue,
      now() - interval '${DAYS} days' * (1 - i::double precision / ${tasks}) as published_at,
      interval '10 ms' * (hashint4(i) & 1023) as wait,
      interval '3 ms' * (hashint4(i + 7) & 4095) as run,
      case
        when i > ${tasks} * 0.999 then (array['PENDING', 'STARTED', 'RETRY', 'SUCCESS', 'RECEIVED'])[1 + i % 5]
        when (hashint4(i) & 1023) < 51 then 'FAILURE'
        when (hashint4(i) & 1023) = 52 then 'REVOKED'
        else 'SUCCESS' end as state,
      jsonb_build_object('slug', 'project-' || i / 20, 'format', (array['pdf', 'xls', 'shp'])[1 + i % 3],
        'options', jsonb_build_object('page', i % 100, 'title', 'Report number ' || i)) as kwargs
    from generate_series(${from}, ${to}) i;
    ${TASKS}; ${RESULTS}; ${MESSAGES}; ${EVENTS};
    drop table fresh`
}

const OVER = "state in ('SUCCESS', 'FAILURE', 'REVOKED')"
const ERROR = `(array['ValueError', 'TimeoutError', 'KeyError', 'HttpError'])[1 + i % 4]`

const TASKS = `
  insert into monitor.task (task_id, name, state, state_at, args, kwargs, options, queue, routing_key, origin, lang,
    root_id, parent_id, eta, retries, published_at, received_at, started_at, finished_at, runtime_ms, worker, result,
    exception, traceback, creator_id, related_type, related_id, is_result, follow_ups)
  select task_id, name, state, published_at + wait + run, to_jsonb(array[i % 50000, i % 10]), kwargs,
    jsonb_build_object('content_type', 'application/json', 'correlation_id', task_id, 'priority', 0, 'delivery_mode', 2)
      || case when state = 'PENDING' and i % 10 = 0 then '{"unrouted": true}' else '{}' end::jsonb,
    queue, queue, 'gen' || i % 5 || '@web-' || i % 7, (array['py', 'js'])[1 + i % 2], root_id, parent_id,
    case when state = 'PENDING' and i % 3 = 0 then now() + interval '1 hour' end,
    case when i % 40 = 0 then 1 + i % 3 else 0 end, published_at,
    case when state <> 'PENDING' then published_at + wait / 2 end,
    case when state <> 'PENDING' then published_at + wait end,
    case when ${OVER} then published_at + wait + run end,
    case when state in ('SUCCESS', 'FAILURE') then extract(epoch from run) * 1000 end,
    case when state <> 'PENDING' then 'celery@worker-' || i % 8 end,
    case when state = 'SUCCESS' then jsonb_build_object('url', 'https://files.example/' || i) end,
    case when state = 'FAILURE' then ${ERROR} || ': no ' || (array['ink', 'paper', 'file', 'route', 'time'])[1 + i % 5] end,
    case when state = 'FAILURE' then 'Traceback (most recent call last):' || repeat(E'\\n  File "app/tasks.py", line 12, in export', 6) end,
    (i / 20 % 500)::text, 'project', (i / 20 % 5000)::text, i % 10 = 9,
    case when i % 20 = 10 then jsonb_build_object('chain', jsonb_build_array(
      jsonb_build_object('id', ${ID('i + 1')}, 'name', 'export.next'))) end
  from fresh`

const RESULTS = `
  insert into celery_taskmeta (id, task_id, status, result, date_done, traceback, name, worker, retries, queue)
  select nextval('task_id_sequence'), task_id, state, convert_to(case when state = 'SUCCESS'
      then '{"url": "https://files.example/' || i || '"}'
      else '{"exc_type": "ValueError", "exc_message": ["no ink"], "exc_module": "builtins"}' end, 'UTF8'),
    (published_at + wait + run) at time zone 'UTC', null, name, 'celery@worker-' || i % 8, 0, queue
  from fresh where state in ('SUCCESS', 'FAILURE')`

const MESSAGES = `
  insert into monitor.message (day, received_at, task_id, exchange, routing_key, queue, properties, headers, body, digest)
  select (published_at at time zone 'UTC')::date, published_at, task_id, 'task_exchange', queue, queue,
    jsonb_build_object('content_type', 'application/json', 'correlation_id', task_id),
    jsonb_build_object('id', task_id, 'task', name, 'lang', 'py', 'retries', 0, 'root_id', root_id),
    convert_to('[[], ' || kwargs::text || ', {}]', 'UTF8'), decode(md5(task_id), 'hex')
  from fresh`

const EVENTS = `
  insert into monitor.event (day, received_at, happened_at, type, hostname, task_id, fields, digest)
  select (published_at at time zone 'UTC')::date, published_at, published_at + wait, 'task-started',
    'celery@worker-' || i % 8, task_id, jsonb_build_object('pid', i % 9), decode(md5('started' || task_id), 'hex')
  from fresh where i % 3 = 0`

/** What the questions of the documentation name. */
const LAST = `
  update monitor.task set root_id = 'root' where root_id = (
    select root_id from monitor.task where root_id <> task_id order by published_at desc offset 2000 limit 1);
  update monitor.task set task_id = 'root', related_id = '12', creator_id = '7',
    kwargs = kwargs || '{"slug": "project-1"}', published_at = now() where root_id = 'root' and parent_id is null;
  update monitor.task set parent_id = 'root' where root_id = 'root' and parent_id is not null;
  update monitor.message set task_id = 'root' where digest = (select digest from monitor.message order by received_at desc limit 1);
  insert into monitor.worker (hostname, software, software_version, last_heartbeat_at)
  select 'celery@worker-' || i, 'py-celery', '5.6', now() from generate_series(0, 7) i;
  insert into monitor.quarantine (received_at, queue, exchange, routing_key, body, code, reason, digest)
  select now() - i * interval '1 minute', 'platform.fifo', 'task_exchange', 'export', '', 'MESSAGE_UNDECODABLE',
    'expected "," at ' || i % 20, decode(md5(i::text), 'hex') from generate_series(1, 10000) i`
