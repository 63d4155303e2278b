import { COUNT_TYPES, countingSql } from './chord-sql.ts'

/** The two tables of Celery's database backend, as names quoted for SQL. */
export interface TaskmetaTables {
  readonly task: string
  readonly group: string
}

export const CELERY_TABLES: TaskmetaTables = {
  task: quoteName('celery_taskmeta'),
  group: quoteName('celery_tasksetmeta'),
}

/** How long a statement waits for a row that another transaction holds, before it is written without that row. */
const LOCK_PATIENCE_MS = 50

/** A column of celery_taskmeta, in the order in which rows are written. */
export interface Column {
  readonly name: string
  readonly type: string
  /** The field of a `TaskmetaRow`. */
  readonly field: string
}

const OLD_COLUMNS: readonly Column[] = [
  { name: 'task_id', type: 'text', field: 'taskId' },
  { name: 'status', type: 'text', field: 'status' },
  { name: 'result', type: 'bytea', field: 'result' },
  { name: 'date_done', type: 'timestamp', field: 'dateDone' },
  { name: 'traceback', type: 'text', field: 'traceback' },
]

/** Tables that older Celery versions made lack some of these, or all. */
const EXTENDED_COLUMNS: readonly Column[] = [
  { name: 'name', type: 'text', field: 'name' },
  { name: 'args', type: 'bytea', field: 'args' },
  { name: 'kwargs', type: 'bytea', field: 'kwargs' },
  { name: 'worker', type: 'text', field: 'worker' },
  { name: 'retries', type: 'integer', field: 'retries' },
  { name: 'queue', type: 'text', field: 'queue' },
  { name: 'children', type: 'bytea', field: 'children' },
]

const READY = `('SUCCESS', 'FAILURE', 'REVOKED')`

export function quoteName(name: string, schema?: string | null): string {
  const quoted = `"${name.replaceAll('"', '""')}"`
  return schema ? `${quoteName(schema)}.${quoted}` : quoted
}

/** Those of the columns we know that the table has. */
export function columnsAmong(names: readonly string[]): readonly Column[] {
  return [...OLD_COLUMNS, ...EXTENDED_COLUMNS].filter(({ name }) => names.includes(name))
}

/**
 * What follows `with`. Any number of rows become one insert. Rows that exist are updated, but a state that is not
 * final never replaces one that is. An id that exists keeps its number, so that no number is used up twice.
 */
export function upsertSql(
  tables: TaskmetaTables,
  columns: readonly Column[],
  isSingle: boolean,
): string {
  const names = columns.map(({ name }) => name)
  // A value of megabytes goes as a parameter of its own: as part of an array it would travel as hex.
  const parameters = columns.map(({ type }, index) =>
    isSingle ? `array[$${index + 1}::${type}]` : `$${index + 1}::${type}[]`,
  )
  const changes = names
    .filter((name) => name !== 'task_id')
    .map((name) => `${name} = excluded.${name}`)
  return `
    patience as (select set_config('lock_timeout', '${LOCK_PATIENCE_MS}ms', true))
    insert into ${tables.task} as kept (id, ${names.join(', ')})
    select
      coalesce(
        (select known.id from ${tables.task} as known where known.task_id = saved.task_id),
        nextval('task_id_sequence')
      ),
      ${names.map((name) => `saved.${name}`).join(', ')}
    from patience cross join unnest(${parameters.join(', ')}) as saved (${names.join(', ')})
    on conflict (task_id) do update set ${changes.join(', ')}
    where excluded.status in ${READY} or kept.status is null or kept.status not in ${READY}`
}

/**
 * The same with members counted, whose values follow. It is one transaction: no reader finds a result that is not counted.
 * The rows of chords come last, and are waited for: another transaction holds one for the length of a commit at most.
 */
export function upsertAndCountSql(upsert: string, parameters: number): string {
  const counted = COUNT_TYPES.map((type, n) => `$${parameters + n + 1}::${type}`)
  return `
    with kept as (with ${upsert} returning kept.task_id), patient as materialized (
      select set_config('lock_timeout', case when rows >= 0 then '0' end, true)
      from (select count(*) as rows from kept) as written
    ), ${countingSql(counted, 'patient')}`
}

/** Of the ids given, those whose row another transaction holds locked. */
export function lockedSql({ task }: TaskmetaTables): string {
  return `
    with free as (
      select id from ${task} where task_id = any($1::text[]) for no key update skip locked
    )
    select task_id as "taskId" from ${task}
    where task_id = any($1::text[]) and id not in (select id from free)`
}

export function selectSql(tables: TaskmetaTables, columns: readonly Column[]): string {
  // The columns allow NULL; a row without a state is of an unknown task.
  const fields = columns.map(({ name, field }) =>
    name === 'status' ? `coalesce(status, 'PENDING') as "status"` : `${name} as "${field}"`,
  )
  return `select ${fields.join(', ')} from ${tables.task} where task_id = any($1::text[])`
}

export function selectReadySql(tables: TaskmetaTables, columns: readonly Column[]): string {
  return `${selectSql(tables, columns)} and status in ${READY}`
}

export function deleteSql({ task }: TaskmetaTables): string {
  return `delete from ${task} where task_id = $1`
}

/** What the table has; no row where there is no table. */
export const COLUMNS_SQL = `
  select attname as name from pg_attribute
  where attrelid = to_regclass($1) and to_regclass('task_id_sequence') is not null
    and attnum > 0 and not attisdropped`

/**
 * The tables as Celery makes them, index names included; several statements, which are one transaction. They are sent at once,
 * so that the lock is held only while the server works; it is needed as IF NOT EXISTS fails where two make a table at the same time.
 */
export function createSql({ task, group }: TaskmetaTables): string {
  return `
    select pg_advisory_xact_lock(hashtext('celery_taskmeta'));
    create sequence if not exists task_id_sequence;
    create sequence if not exists taskset_id_sequence;
    create table if not exists ${task} (
      id integer not null primary key,
      task_id varchar(155) unique,
      status varchar(50),
      result bytea,
      date_done timestamp without time zone,
      traceback text,
      children bytea,
      name varchar(155),
      args bytea,
      kwargs bytea,
      worker varchar(155),
      retries integer,
      queue varchar(155),
      stamps bytea
    );
    create table if not exists ${group} (
      id integer not null primary key,
      taskset_id varchar(155) unique,
      result bytea,
      date_done timestamp without time zone
    );
    create index if not exists ${indexName(task)} on ${task} (date_done);
    create index if not exists ${indexName(group)} on ${group} (date_done)`
}

function indexName(quotedTable: string): string {
  return quoteName(`ix_${quotedTable.replace(/^.*\."/, '').replaceAll('"', '')}_date_done`)
}
