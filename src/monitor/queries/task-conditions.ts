import { storableText } from '../stored/storable-text.ts'
import { type ArgumentFilter, argumentCondition } from './argument-filter.ts'

export interface TaskConditions {
  /** A name, or the beginning of names: "export.*" */
  readonly name?: string
  /** The status in the view: PENDING, SUCCESS, FAILURE, … */
  readonly status?: string
  readonly queue?: string
  readonly worker?: string
  /** Published at this time or later. */
  readonly since?: Date
  /** Published before this time. */
  readonly until?: Date
  /** What it was called with; all of them. */
  readonly arguments?: readonly ArgumentFilter[]
  /** Anywhere in its name, arguments, exception or result; case does not matter. */
  readonly text?: string
  /** One family: all tasks of this root. */
  readonly rootId?: string
  readonly creatorId?: string
  readonly relatedType?: string
  readonly relatedId?: string
}

type Parameter = (value: unknown) => string

/** All but the status in SQL, of `monitor.task AS task`, given what makes a parameter of a value. */
export function taskConditions(conditions: TaskConditions, parameter: Parameter): string[] {
  const { name, text, creatorId } = conditions
  return [
    ...(name === undefined ? [] : [nameIs(name, parameter)]),
    ...(text === undefined ? [] : [hasText(storableText(text), parameter)]),
    ...(conditions.arguments ?? []).map((filter) => argumentCondition(filter, parameter)),
    ...(creatorId === undefined ? [] : [isText('task.creator_id', creatorId, parameter)]),
    ...COLUMNS.flatMap(({ condition, sql }) => {
      const value = conditions[condition]
      return value === undefined ? [] : [`task.${sql} ${parameter(value)}`]
    }),
  ]
}

const COLUMNS = [
  { condition: 'queue', sql: 'queue =' },
  { condition: 'worker', sql: 'worker =' },
  { condition: 'since', sql: 'published_at >=' },
  { condition: 'until', sql: 'published_at <' },
  { condition: 'rootId', sql: 'root_id =' },
  { condition: 'relatedType', sql: 'related_type =' },
  { condition: 'relatedId', sql: 'related_id =' },
] as const

const TEXT = 'monitor.task_text(task.name, task.args, task.kwargs, task.exception, task.result)'

/** Arguments and results are JSON, in which quotes, backslashes and line ends are escaped. */
function hasText(text: string, parameter: Parameter): string {
  const texts = new Set([text, JSON.stringify(text).slice(1, -1)])
  const found = [...texts].map((one) => `${TEXT} ILIKE ${parameter(`%${escaped(one)}%`)}`)
  return `(${found.join(' OR ')})`
}

function nameIs(name: string, parameter: Parameter): string {
  return name.endsWith('*')
    ? `starts_with(task.name, ${parameter(name.slice(0, -1))})`
    : isText('task.name', name, parameter)
}

/**
 * Found by how it begins, which an index has: no index takes a text of any length. Of a short text that is all of it, and a
 * second condition would have PostgreSQL expect next to no rows.
 */
export function isText(column: string, value: string, parameter: Parameter): string {
  const text = parameter(value)
  if (value.length < BEGINNING) return `left(${column}, ${BEGINNING}) = ${text}`
  return `left(${column}, ${BEGINNING}) = left(${text}::text, ${BEGINNING}) AND ${column} = ${text}`
}

const BEGINNING = 200

/** Where tasks of a status are to be looked for: in the table alone, or among few rows with what the view says of them. */
export interface StatusPlace {
  readonly condition: string
  readonly asksView: boolean
}

/**
 * The view knows the status, and no index knows the view. The end of a task is written to the table as well, which has an
 * index for it, or is about to be, from the stored result. What is not over is little: there the view is asked.
 */
export function statusPlaces(status: string | undefined): StatusPlace[] {
  if (status === undefined) return [{ condition: 'true', asksView: false }]
  const over = OVER.get(status)
  if (over === undefined || status === 'EXPIRED') {
    const open = { condition: IS_OPEN, asksView: true }
    return over === undefined ? [open] : [open, { condition: over, asksView: false }]
  }
  const stored = `EXISTS (SELECT FROM public.celery_taskmeta AS meta
        WHERE meta.task_id = task.task_id AND meta.status = '${status}')`
  return [over, `${IS_OPEN} AND ${stored}`].map((condition) => ({ condition, asksView: false }))
}

const IS_OPEN = 'task.finished_at IS NULL'
const IS_EXPIRED = '(task.started_at IS NULL AND task.expires <= task.state_at)'

/** A worker that takes an expired task revokes it. */
const OVER: ReadonlyMap<string, string> = new Map(
  [
    ['SUCCESS', "task.state = 'SUCCESS'"],
    ['FAILURE', "task.state = 'FAILURE'"],
    ['REVOKED', `task.state = 'REVOKED' AND ${IS_EXPIRED} IS NOT TRUE`],
    ['EXPIRED', `task.state = 'REVOKED' AND ${IS_EXPIRED}`],
    ['REJECTED', "task.state = 'REJECTED'"],
    ['IGNORED', "task.state = 'IGNORED'"],
  ].map(([status = '', condition = '']) => [
    status,
    `task.finished_at IS NOT NULL AND ${condition}`,
  ]),
)

/** What LIKE would take for a wildcard stands for itself. */
function escaped(text: string): string {
  return text.replace(/[\\%_]/g, (character) => `\\${character}`)
}
