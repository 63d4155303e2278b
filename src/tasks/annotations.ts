import type { Config } from '../config/config.ts'
import type { Logger } from '../logger.ts'
import { isTaskOption, type TaskOptions } from './task-options.ts'

type Attributes = Readonly<Record<string, unknown>>

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
  const pairs = found.flatMap((attributes) => Object.entries(attributes))
  const known = pairs.map(([attribute, value]) => [optionName(attribute), value] as const)
  for (const [option] of known) {
    if (isTaskOption(option)) continue
    logger.warn({ task: name, attribute: option }, 'an attribute of task_annotations has no effect')
  }
  return { ...options, ...Object.fromEntries(known.filter(([option]) => isTaskOption(option))) }
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
    return Object.hasOwn(annotation, name)
      ? attributesIn((annotation as Attributes)[name])
      : undefined
  }
  const method = name === '*' ? annotateAny : annotate
  return typeof method === 'function'
    ? attributesIn(method.call(annotation, { name }) as unknown) // any function may be asked
    : undefined
}

function attributesIn(value: unknown): Attributes | undefined {
  return typeof value === 'object' && value !== null ? (value as Attributes) : undefined
}

/** Python's name of an attribute is ours in snake_case. */
function optionName(attribute: string): string {
  return attribute.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
