/** Our own tables beside Celery's; Python knows nothing of them. */
export const CHORD_TABLE = 'public.celery_toolbox_chord'
export const CHORD_MEMBER_TABLE = 'public.celery_toolbox_chord_member'

/** As the migration makes them; for results without migrations. */
export const CREATE_CHORDS_SQL = `
  select pg_advisory_xact_lock(hashtext('celery_toolbox_chord'));
  create table if not exists ${CHORD_TABLE} (
    group_id text not null,
    size integer not null,
    done integer not null default 0,
    created_at timestamp with time zone not null default now(),
    released_at timestamp with time zone,
    constraint celery_toolbox_chord_pkey primary key (group_id)
  );
  create index if not exists celery_toolbox_chord_created_at_idx on ${CHORD_TABLE} (created_at);
  create table if not exists ${CHORD_MEMBER_TABLE} (
    group_id text not null,
    task_id text not null,
    group_index integer,
    constraint celery_toolbox_chord_member_pkey primary key (group_id, task_id)
  )`

/** Published again before it was released, a chord keeps what is counted; after that it is a new one. */
export const BEGIN_SQL = `
  insert into ${CHORD_TABLE} as chord (group_id, size) values ($1, $2)
  on conflict (group_id) do update set
    size = excluded.size,
    created_at = excluded.created_at,
    done = case when chord.released_at is null then chord.done else 0 end,
    released_at = null`

/** Begun by whoever comes first, and never anew. */
export const BEGIN_ONCE_SQL = `
  insert into ${CHORD_TABLE} (group_id, size) values ($1, $2) on conflict (group_id) do nothing`

/**
 * Counts any number of members of any number of chords, each member once. The rows of the chords are locked first and in
 * one order, so that two workers never wait for each other in a circle.
 */
export const COUNT_SQL = `
  with arrived as (
    select * from unnest($1::text[], $2::text[], $3::integer[]) as arrived (group_id, task_id, group_index)
  ), chord as materialized (
    select group_id, released_at from ${CHORD_TABLE}
    where group_id in (select group_id from arrived) order by group_id for update
  ), added as (
    insert into ${CHORD_MEMBER_TABLE} (group_id, task_id, group_index)
    select group_id, task_id, group_index from arrived join chord using (group_id) where released_at is null
    on conflict (group_id, task_id) do nothing
    returning group_id
  ), counted as (
    select chord.group_id, count(added.group_id) as members
    from chord left join added using (group_id) group by chord.group_id
  )
  update ${CHORD_TABLE} as counting set done = done + counted.members
  from counted where counting.group_id = counted.group_id
  returning counting.group_id as "groupId", size <= done as "isComplete", released_at is not null as "isReleased"`

/** The members in order, of a chord that is complete and not released; no row otherwise. */
export const UNRELEASED_MEMBERS_SQL = `
  select member.task_id as "taskId"
  from ${CHORD_TABLE} as chord join ${CHORD_MEMBER_TABLE} as member using (group_id)
  where group_id = $1 and released_at is null and size <= done
  order by member.group_index nulls last, member.task_id`

export const RELEASED_SQL = `
  with released as (
    update ${CHORD_TABLE} set released_at = now() where group_id = $1 returning group_id
  )
  delete from ${CHORD_MEMBER_TABLE} as member using released where member.group_id = released.group_id`

/** Deletes some chords begun before a time, with their members. */
export const DELETE_OLD_CHORDS_SQL = `
  with old as (
    select group_id from ${CHORD_TABLE} where created_at < $1 limit $2 for update skip locked
  ), members as (
    delete from ${CHORD_MEMBER_TABLE} as member using old where member.group_id = old.group_id
  )
  delete from ${CHORD_TABLE} as chord using old where chord.group_id = old.group_id
  returning chord.group_id`
