import type { ChordMember } from '../../result-store.ts'

/** Our own tables beside Celery's; Python knows nothing of them. */
const CHORD_TABLE = 'public.celery_toolbox_chord'
const CHORD_MEMBER_TABLE = 'public.celery_toolbox_chord_member'

/** As the migrations make them; for results without migrations. Tables of older versions get what they lack. Locked as Celery's. */
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
  alter table ${CHORD_TABLE} add column if not exists body text;
  alter table ${CHORD_TABLE} add column if not exists member_ids text;
  alter table ${CHORD_TABLE} add column if not exists handed_over_at timestamp with time zone;
  create index if not exists celery_toolbox_chord_created_at_idx on ${CHORD_TABLE} (created_at);
  create index if not exists celery_toolbox_chord_unreleased_idx on ${CHORD_TABLE} (group_id) where body is not null;
  create table if not exists ${CHORD_MEMBER_TABLE} (
    group_id text not null,
    task_id text not null,
    group_index integer,
    constraint celery_toolbox_chord_member_pkey primary key (group_id, task_id)
  )`

/** What the table of chords has; no row where the table does not exist, as no chord has begun then. */
export const CHORD_COLUMNS_SQL = `
  select attname as name from pg_attribute
  where attrelid = to_regclass('${CHORD_TABLE}') and attnum > 0 and not attisdropped`

/** Published again before it was released, a chord keeps what is counted; after that it is a new one. */
export const BEGIN_SQL = `
  insert into ${CHORD_TABLE} as chord (group_id, size, member_ids) values ($1, $2, $3)
  on conflict (group_id) do update set
    size = excluded.size,
    member_ids = excluded.member_ids,
    created_at = excluded.created_at,
    done = case when chord.released_at is null then chord.done else 0 end,
    released_at = null`

/** Begun by the first who comes, and never anew. */
export const BEGIN_ONCE_SQL = `
  insert into ${CHORD_TABLE} (group_id, size) values ($1, $2) on conflict (group_id) do nothing`

/** The types of what `countingSql` counts: group, task, index, body. */
export const COUNT_TYPES = ['text[]', 'text[]', 'integer[]', 'text[]'] as const

/**
 * Counts any number of members of any number of chords, each member once. The rows of the chords are locked first and in
 * one order, so that two workers never wait for each other in a circle. Who completes a chord leaves its body there, to be
 * started by others should the one be gone. `after` names a query that has to come first.
 */
export function countingSql(parameters: readonly string[], after?: string): string {
  return `
  arrived as (
    select * from unnest(${parameters.join(', ')}) as arrived (group_id, task_id, group_index, body)
  ), chord as materialized (
    select group_id, released_at from ${CHORD_TABLE}
    where group_id in (select group_id from arrived) ${after ? `and exists (select from ${after})` : ''}
    order by group_id for update
  ), added as (
    insert into ${CHORD_MEMBER_TABLE} (group_id, task_id, group_index)
    select group_id, task_id, group_index from arrived join chord using (group_id) where released_at is null
    on conflict (group_id, task_id) do nothing
    returning group_id
  ), counted as (
    select chord.group_id, count(added.group_id) as members,
      (select max(body) from arrived where arrived.group_id = chord.group_id) as body
    from chord left join added using (group_id) group by chord.group_id
  )
  update ${CHORD_TABLE} as counting set
    done = done + members,
    body = case
      when handed_over_at is not null then counting.body
      when released_at is null and size <= done + members then coalesce(counted.body, counting.body)
    end
  from counted where counting.group_id = counted.group_id
  returning counting.group_id as "groupId", size <= done and handed_over_at is null as "isComplete",
    released_at is not null as "isReleased"`
}

export const COUNT_SQL = `with ${countingSql(COUNT_TYPES.map((type, n) => `$${n + 1}::${type}`))}`

/** The values of `COUNT_TYPES` for these members. One body a chord is enough: the last one's. */
export function countParameters(members: readonly ChordMember[]): readonly unknown[][] {
  const lastOf = new Map(members.map((member) => [member.groupId, member]))
  return [
    members.map(({ groupId }) => groupId),
    members.map(({ result }) => result.taskId),
    members.map(({ groupIndex }) => asInteger(groupIndex)),
    members.map((member) => (lastOf.get(member.groupId) === member ? bodyOf(member) : null)),
  ]
}

/** No text in PostgreSQL holds a NUL. */
function bodyOf({ body }: ChordMember): string | null {
  const text = body?.() ?? null
  return text?.includes('\0') === true ? null : text
}

const LARGEST_INTEGER = 2 ** 31

/** A number the column has no room for counts as none: it would spoil the batch. */
function asInteger(index: number | null): number | null {
  return Number.isInteger(index) && Math.abs(index ?? 0) < LARGEST_INTEGER ? index : null
}

/** Chords that are complete and not released, though a release was attempted; or handed over, and not waited for yet. */
export const UNRELEASED_CHORDS_SQL = `
  select group_id as "groupId", body, case when handed_over_at is not null then member_ids end as "memberIds"
  from ${CHORD_TABLE} where body is not null order by created_at limit 1000`

/** Ends the counting of a chord that still waits for members, once; returns the members' ids to the task that polls instead. */
export const HAND_OVER_SQL = `
  update ${CHORD_TABLE} set handed_over_at = now(), body = $2
  where group_id = $1 and done < size and released_at is null and handed_over_at is null and member_ids is not null
  returning member_ids as "memberIds"`

export const WAITED_FOR_SQL = `
  update ${CHORD_TABLE} set body = null where group_id = $1 and handed_over_at is not null`

/** The members in order, of a chord that is complete and not released; no row otherwise. */
export const UNRELEASED_MEMBERS_SQL = `
  select member.task_id as "taskId"
  from ${CHORD_TABLE} as chord join ${CHORD_MEMBER_TABLE} as member using (group_id)
  where group_id = $1 and released_at is null and handed_over_at is null and size <= done
  order by member.group_index nulls last, member.task_id`

export const RELEASED_SQL = `
  with released as (
    update ${CHORD_TABLE} set released_at = now(), body = null where group_id = $1 returning group_id
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
