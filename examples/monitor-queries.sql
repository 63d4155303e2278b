-- Questions that people ask the record: run them with psql, or any client, on the monitor's database. Each looks at a
-- window of time, or answers a few rows, so that a history of millions is no matter; widen them as you need.
-- "status" of the view is worked out as you ask; "state" of the table is what an index knows.

-- How it goes: the tasks of the last hour by status.
select status, count(*) from monitor.task_history
where published_at > now() - interval '1 hour' group by status order by count desc;

-- The last ten, newest first.
select published_at, name, status, result, exception
from monitor.task_history order by published_at desc limit 10;

-- What has failed within a day, and how often, with an example of each.
select name, exception, count(*), max(finished_at) as last_seen, min(task_id) as example
from monitor.task where state = 'FAILURE' and finished_at > now() - interval '1 day'
group by name, exception order by count desc limit 20;

-- What took long within the last hour: from publish to the end.
select name, task_id, finished_at - published_at as took
from monitor.task where finished_at is not null and published_at > now() - interval '1 hour'
order by took desc limit 10;

-- Percentiles of that by task.
select name, count(*),
  percentile_cont(0.5) within group (order by finished_at - published_at) as median,
  percentile_cont(0.95) within group (order by finished_at - published_at) as p95
from monitor.task where finished_at is not null and published_at > now() - interval '1 hour'
group by name order by p95 desc limit 20;

-- What seems stuck, and why: due for ten minutes, and not at an end.
select history.task_id, history.name, history.status, history.reason, history.queue, history.published_at
from monitor.task join monitor.task_history history using (task_id)
where task.finished_at is null and greatest(task.published_at, task.eta) < now() - interval '10 minutes'
  and (task.state = 'PENDING' and task.expires <= now()) is not true
order by task.published_at limit 20;

-- Calls with a certain argument, by an index (which ->> would not use): anywhere in the list, by name.
select task_id, name, status from monitor.task_history where args @> '["fields"]'
order by published_at desc limit 20;
select task_id, name, status from monitor.task_history where kwargs @> '{"org": "allthings"}'
order by published_at desc limit 20;

-- One family as a tree (here: that of the task published last).
with recursive
  wanted as (select root_id from monitor.task order by published_at desc limit 1),
  family as materialized (select task_id, parent_id, published_at from monitor.task join wanted using (root_id) limit 1000),
  tree as (
    select task_id, 0 as depth, array[published_at] as path
    from family where parent_id is null
    union all
    select child.task_id, depth + 1, path || child.published_at
    from tree join family child on child.parent_id = tree.task_id where depth < 100
  )
select repeat('  ', depth) || name as task, status, result
from tree join monitor.task_history using (task_id) order by path;

-- The results of the latest families: of their tasks that were published with is_result.
select root_id, name, overall_status, overall_results
from monitor.task_family order by published_at desc limit 20;

-- Calls that reach no work queue: recorded, and never run.
select name, routing_key, count(*), max(published_at) as last_seen
from monitor.task where finished_at is null and options @> '{"unrouted": true}'
group by name, routing_key order by count desc limit 20;

-- What is due in the vault, and why the broker has not taken it.
select task_id, name, due_at, problem, refused_at
from monitor.scheduled where next_at < now() + interval '10 seconds' and due_at <= now() order by next_at limit 20;

-- What could not be read, by reason.
select code, reason, count(*), max(received_at) as last_seen
from monitor.quarantine where resolved_at is null group by code, reason order by count desc limit 20;

-- How many messages a minute, over the last hour (the day, in UTC, finds the partition).
select date_trunc('minute', received_at) as minute, count(*)
from monitor.message
where day >= (now() at time zone 'UTC' - interval '1 hour')::date and received_at > now() - interval '1 hour'
group by 1 order by 1;
