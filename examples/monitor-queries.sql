-- Questions that people ask the record: run them with psql, or any client, on the monitor's database.

-- How it goes: tasks by status.
select status, count(*) from monitor.task_history group by status order by count desc;

-- The last ten, newest first.
select published_at, name, status, result, exception
from monitor.task_history order by published_at desc limit 10;

-- What fails, and how often, with an example of each.
select name, exception, count(*), max(published_at) as last_seen, min(task_id) as example
from monitor.task_history where status = 'FAILURE'
group by name, exception order by count desc;

-- What took long: from publish to the end.
select name, task_id, finished_at - published_at as took
from monitor.task_history where finished_at is not null order by took desc limit 10;

-- Percentiles of that by task.
select name, count(*),
  percentile_cont(0.5) within group (order by finished_at - published_at) as median,
  percentile_cont(0.95) within group (order by finished_at - published_at) as p95
from monitor.task_history where finished_at is not null group by name order by p95 desc;

-- What seems stuck: published ten minutes ago, due, and not at an end.
select task_id, name, status, queue, published_at
from monitor.task_history
where status in ('PENDING', 'RECEIVED', 'STARTED', 'RETRY') and published_at < now() - interval '10 minutes'
order by published_at;

-- Calls with a certain argument: the first one, one by name, anywhere.
select task_id, name, status from monitor.task_history where args ->> 0 = 'allthings';
select task_id, name, status from monitor.task_history where kwargs ->> 'org' = 'allthings';
select task_id, name, status from monitor.task_history where args @> '["fields"]';

-- One family as a tree (here: that of the task published last).
with recursive
  wanted as (select root_id from monitor.task order by published_at desc limit 1),
  tree as (
    select task.task_id, 0 as depth, array[task.published_at] as path
    from monitor.task join wanted using (root_id) where task.parent_id is null
    union all
    select child.task_id, depth + 1, path || child.published_at
    from tree join monitor.task child on child.parent_id = tree.task_id where depth < 100
  )
select repeat('  ', depth) || name as task, status, result
from tree join monitor.task_history using (task_id) order by path;

-- The result of a family: that of the task that was published with is_result.
select root_id, task_id, name, status, result from monitor.task_history where is_result;

-- Calls that reach no work queue: recorded, and never run.
select name, routing_key, count(*) from monitor.task where queue is null group by 1, 2;

-- What could not be read, by reason.
select code, reason, count(*), max(received_at) as last_seen
from monitor.quarantine where resolved_at is null group by 1, 2 order by count desc;

-- How many messages a minute, over the last hour.
select date_trunc('minute', received_at) as minute, count(*)
from monitor.message where received_at > now() - interval '1 hour' group by 1 order by 1;
