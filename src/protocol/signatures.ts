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
  if (!isRecord(value)) throw invalidField(field, value, 'an object with the key "task"')
  const { task, args, kwargs, options } = value
  if (typeof task !== 'string') throw invalidField(`${field}.task`, task, "a task's name")
  if (!isAbsent(args) && !Array.isArray(args)) throw invalidField(`${field}.args`, args, 'a list')
  if (!isAbsent(kwargs) && !isRecord(kwargs))
    throw invalidField(`${field}.kwargs`, kwargs, 'an object')
  if (!isAbsent(options) && !isRecord(options)) {
    throw invalidField(`${field}.options`, options, 'an object')
  }
  return isComplete(value) ? value : { ...value, ...signatureDict(filled(value, task)) }
}

/** What Python's worker cannot do without: it fails the task when a following signature lacks one of these. */
export function checkSignature(value: unknown, field: string): void {
  readSignature(value, field)
  // readSignature has seen to it that this is an object.
  const { args, options } = value as Source
  if (isAbsent(args)) throw invalidField(`${field}.args`, args, 'a list')
  if (isAbsent(options)) throw invalidField(`${field}.options`, options, 'an object')
}

function isComplete(value: Source): value is SignatureFields {
  return (
    !isAbsent(value.args) &&
    !isAbsent(value.kwargs) &&
    !isAbsent(value.options) &&
    value.subtask_type !== undefined &&
    typeof value.immutable === 'boolean'
  )
}

type SignatureFields = SignatureDict & Source

function filled(value: Source, task: string): SignatureDict {
  // The caller has checked the types of args, kwargs and options.
  const { args, kwargs, options } = value as Partial<SignatureDict>
  return {
    task,
    args: args ?? [],
    kwargs: kwargs ?? {},
    options: options ?? {},
    subtask_type: typeof value.subtask_type === 'string' ? value.subtask_type : null,
    immutable: Boolean(value.immutable),
  }
}

function isAbsent(value: unknown): value is null | undefined {
  return value === null || value === undefined
}
