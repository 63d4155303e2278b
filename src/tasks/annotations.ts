import type { Config } from '../config/config.ts'
import { TaskError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { isRecord } from '../protocol/field-readers.ts'
import { isTaskOption, type TaskOptions, takesNull } from './task-options.ts'

type Attributes = Readonly<Record<string, unknown>>
type Dicts = Readonly<Record<string, Attributes>>

/**
 * The options of a task with what task_annotations says of it, https://docs.celeryq.dev/en/stable/userguide/configuration.html#task-annotations.
 * As in Celery the first of a list that knows the task counts, and what is said of every task (`*`) comes last.
 */
export function annotatedOptions(
  name: string,
  options: TaskOptions,
  { config, logger }: { readonly config: Config; readonly logger: Logger },
): TaskOptions {
  const given = config.task_annotations
  if (given === null || given === undefined) return options
  const annotations = Array.isArray(given) ? given : [given]
  const found = [firstFor(annotations, name), firstFor(annotations, '*')]
  const changes: Record<string, unknown> = {}
  for (const [attribute, value] of found.flatMap((attributes) => Object.entries(attributes))) {
    const option = optionName(attribute)
    if (isTaskOption(option)) changes[option] = annotatedValue(option, value)
    else logger.warn({ task: name, attribute }, 'an attribute of task_annotations has no effect')
  }
  return { ...options, ...changes }
}

/** None, where it means nothing of its own, leaves it to the app's settings. */
function annotatedValue(option: keyof TaskOptions, value: unknown): unknown {
  return value === null && !takesNull(option) ? undefined : value
}

function firstFor(annotations: readonly unknown[], name: string): Attributes {
  const found = annotations.map((annotation) => attributesOf(annotation, name))
  return found.find((attributes) => attributes !== undefined) ?? {}
}

/** Of a dict by names of tasks, or of an object whose methods answer: `annotate(task)` and `annotateAny()`. */
function attributesOf(annotation: unknown, name: string): Attributes | undefined {
  if (typeof annotation !== 'object' || annotation === null) return undefined
  const { annotate, annotateAny } = annotation as Partial<Record<string, unknown>>
  if (typeof annotate !== 'function' && typeof annotateAny !== 'function') {
    return Object.hasOwn(annotation, name) ? (annotation as Dicts)[name] : undefined
  }
  const method = name === '*' ? annotateAny : annotate
  return typeof method === 'function'
    ? attributesIn(method.call(annotation, { name }) as unknown, name) // any function may be asked
    : undefined
}

/** What a method of ours may answer: a dict, or nothing. */
function attributesIn(value: unknown, name: string): Attributes | undefined {
  if (value === undefined || value === null) return undefined
  if (isRecord(value)) return value
  throw new TaskError(
    'TASK_INVALID',
    `task_annotations answers ${kindOf(value)} for ${name === '*' ? 'any task' : `"${name}"`}, expected an object of attributes, or nothing`,
  )
}

function kindOf(value: unknown): string {
  return value instanceof Promise ? 'a promise' : String(value)
}

/** Python's name of an attribute is ours in snake_case. */
function optionName(attribute: string): string {
  return attribute.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
