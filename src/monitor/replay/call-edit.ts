import { MonitorError } from '../../errors.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import { showValue } from '../../protocol/show-value.ts'

/** What a replay calls its task with instead: other `args` as a whole, `kwargs` one by one (null takes one out). */
export interface CallEdit {
  readonly args?: readonly unknown[]
  readonly kwargs?: Readonly<Record<string, unknown>>
}

/** An edit as a person gives it, such as `{"args": [1], "kwargs": {"slug": "b"}}`; throws `MonitorError` EDIT_INVALID. */
export function callEdit(value: unknown): CallEdit {
  if (!isRecord(value)) throw invalid(`${showValue(value)} is not an object`)
  const unknown = Object.keys(value).filter((key) => key !== 'args' && key !== 'kwargs')
  if (unknown.length > 0) throw invalid(`it has ${showValue(unknown[0])}`)
  const { args, kwargs } = value
  if (args === undefined && kwargs === undefined) throw invalid('it is empty')
  if (args !== undefined && !Array.isArray(args)) throw invalid(`args is ${showValue(args)}`)
  if (kwargs !== undefined && !isRecord(kwargs)) throw invalid(`kwargs is ${showValue(kwargs)}`)
  return { ...(args !== undefined && { args }), ...(kwargs !== undefined && { kwargs }) }
}

export function editedArgs(args: unknown, { args: others }: CallEdit): readonly unknown[] {
  return others ?? (Array.isArray(args) ? args : [])
}

export function editedKwargs(
  kwargs: unknown,
  { kwargs: others = {} }: CallEdit,
): Record<string, unknown> {
  const all = [...Object.entries(isRecord(kwargs) ? kwargs : {}), ...Object.entries(others)]
  const edited = new Map(all)
  // Object.fromEntries defines its keys, so `__proto__` stays one like any other.
  return Object.fromEntries(
    [...edited].filter(([name]) => !(Object.hasOwn(others, name) && others[name] === null)),
  )
}

function invalid(problem: string): MonitorError {
  return new MonitorError(
    'EDIT_INVALID',
    `an edit is {"args": [...], "kwargs": {...}}, one of them or both, but ${problem}`,
  )
}
