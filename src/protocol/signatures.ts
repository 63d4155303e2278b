import { invalidField, isRecord, type Source } from './field-readers.ts'
import type { SignatureDict } from './tasks/task-request.ts'

/** A complete signature: Python needs all six keys, https://docs.celeryq.dev/en/stable/userguide/canvas.html#signatures */
export function signatureDict(
  partial: Partial<SignatureDict> & Pick<SignatureDict, 'task'>,
): SignatureDict {
  return {
    task: partial.task,
    args: partial.args ?? [],
    kwargs: partial.kwargs ?? {},
    options: partial.options ?? {},
    subtask_type: partial.subtask_type ?? null,
    immutable: partial.immutable ?? false,
  }
}

/**
 * A signature as it was received: checked, and with what is missing filled in. Keys that are not ours stay,
 * since older producers add some (chord_size). `field` says in errors where it was found.
 */
export function readSignature(value: unknown, field = 'signature'): SignatureDict {
  const source = checkedFields(value, field)
  return isComplete(source) ? source : filled(source)
}

/** What Python's worker cannot do without: it fails the task when a following signature lacks one of these. */
export function checkSignature(value: unknown, field: string): void {
  const { args, options } = checkedFields(value, field)
  if (isAbsent(args)) throw invalidField(`${field}.args`, args, 'a list')
  if (isAbsent(options)) throw invalidField(`${field}.options`, options, 'an object')
}

/** An object whose fields have the types of a signature's, as far as they are there. */
function checkedFields(value: unknown, field: string): SignatureSource {
  if (!isRecord(value)) throw invalidField(field, value, 'an object with the key "task"')
  const { task, args, kwargs, options } = value
  if (typeof task !== 'string') throw invalidField(`${field}.task`, task, "a task's name")
  if (!isAbsent(args) && !Array.isArray(args)) throw invalidField(`${field}.args`, args, 'a list')
  if (!isAbsent(kwargs) && !isRecord(kwargs))
    throw invalidField(`${field}.kwargs`, kwargs, 'an object')
  if (!isAbsent(options) && !isRecord(options)) {
    throw invalidField(`${field}.options`, options, 'an object')
  }
  // Their types have been checked.
  return value as SignatureSource
}

/** A signature whose fields have the right types, where it has them. */
type SignatureSource = Source & Pick<SignatureDict, 'task'> & Partial<SignatureDict>

function isComplete(value: SignatureSource): value is SignatureSource & SignatureDict {
  return (
    !isAbsent(value.args) &&
    !isAbsent(value.kwargs) &&
    !isAbsent(value.options) &&
    value.subtask_type !== undefined &&
    typeof value.immutable === 'boolean'
  )
}

/** Written out, as a body may hold a hundred thousand: copies by `...` take ten times the memory. */
function filled(value: SignatureSource): SignatureDict {
  const { task, args, kwargs, options, subtask_type, immutable } = value
  const complete: SignatureDict = {
    task,
    args: args ?? [],
    kwargs: kwargs ?? {},
    options: options ?? {},
    subtask_type: typeof subtask_type === 'string' ? subtask_type : null,
    immutable: Boolean(immutable),
  }
  for (const key in value) if (!Object.hasOwn(complete, key)) return { ...value, ...complete }
  return complete
}

function isAbsent(value: unknown): value is null | undefined {
  return value === null || value === undefined
}
