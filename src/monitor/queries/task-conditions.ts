import { type ArgumentFilter, argumentCondition } from './argument-filter.ts'

export interface TaskConditions {
  /** A name, or the beginning of names: "export.*" */
  readonly name?: string
  /** As the view tells it: PENDING, SUCCESS, FAILURE, … */
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

/** In SQL, of `task` (monitor.task) and `history` (monitor.task_history), given what makes a parameter of a value. */
export function taskConditions(conditions: TaskConditions, parameter: Parameter): string[] {
  const { name, status, text } = conditions
  return [
    ...(name === undefined ? [] : [nameIs(name, parameter)]),
    ...(status === undefined ? [] : [statusIs(status, parameter)]),
    ...(text === undefined ? [] : [`${TEXT} ILIKE ${parameter(`%${escaped(text)}%`)}`]),
    ...(conditions.arguments ?? []).map((filter) => argumentCondition(filter, parameter)),
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
  { condition: 'creatorId', sql: 'creator_id =' },
  { condition: 'relatedType', sql: 'related_type =' },
  { condition: 'relatedId', sql: 'related_id =' },
] as const

const TEXT = 'monitor.task_text(task.name, task.args, task.kwargs, task.exception, task.result)'

function nameIs(name: string, parameter: Parameter): string {
  return name.endsWith('*')
    ? `starts_with(task.name, ${parameter(name.slice(0, -1))})`
    : `task.name = ${parameter(name)}`
}

/**
 * The view knows the status; the table says which rows are worth asking the view about, by its indexes: those that are
 * over and were seen to end so, and those that are not over as far as the table knows.
 */
function statusIs(status: string, parameter: Parameter): string {
  const isOpen = 'task.finished_at IS NULL'
  const ended = ENDED_AS.get(status)
  const worthwhile = ended === undefined ? isOpen : `(task.state = '${ended}' OR ${isOpen})`
  return `${worthwhile} AND history.status = ${parameter(status)}`
}

/** A worker that takes an expired task revokes it. */
const ENDED_AS: ReadonlyMap<string, string> = new Map([
  ['SUCCESS', 'SUCCESS'],
  ['FAILURE', 'FAILURE'],
  ['REVOKED', 'REVOKED'],
  ['EXPIRED', 'REVOKED'],
  ['REJECTED', 'REJECTED'],
  ['IGNORED', 'IGNORED'],
])

/** What LIKE would take for a wildcard stands for itself. */
function escaped(text: string): string {
  return text.replace(/[\\%_]/g, (character) => `\\${character}`)
}
