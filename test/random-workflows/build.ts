import { type CeleryApp, chain, chord, group, type Signature } from '../../src/index.ts'
import type { Shape, TaskShape } from './shape.ts'

/** Which language runs a task, as the first part of its name. */
export type Runner = 'python' | 'export' | 'both'

export interface Call {
  readonly run: string
  readonly runner: Runner
}

/** Builds the workflow as a user of this language would; python/random_workflows.py does the same in Python. */
export function build(app: CeleryApp, shape: Shape, call: Call): Signature {
  const whole = shape.kind === 'task' ? task(app, shape, call) : compound(app, shape, call)
  const linked =
    shape.link === undefined ? whole : whole.link(callback(app, 'mark', shape.link, call))
  return shape.linkError === undefined
    ? linked
    : linked.linkError(callback(app, 'error', shape.linkError, call))
}

/** The id of a task whose tag is known. */
export function idOf({ run }: Call, tag: string): string {
  return `${run}-${tag}`
}

/** Where both run, every other tag is Python's. */
export function taskName({ runner }: Call, does: string, tag: string): string {
  const language = Number.parseInt(tag.slice(1), 10) % 2 === 0 ? 'python' : 'export'
  return `${runner === 'both' ? language : runner}.${does}`
}

function compound(app: CeleryApp, shape: Exclude<Shape, TaskShape>, call: Call): Signature {
  const parts = shape.parts.map((part) => build(app, part, call))
  if (shape.kind === 'chain') return chain(...parts)
  return shape.kind === 'group' ? group(parts) : chord(parts, build(app, shape.body, call))
}

function task(app: CeleryApp, { tag, does, isImmutable, stamp }: TaskShape, call: Call): Signature {
  const signature = app.signature(
    taskName(call, does, tag),
    [{ ...call, tag }],
    {},
    { isImmutable, taskId: idOf(call, tag) },
  )
  return stamp === undefined ? signature : signature.stamp({ mark: stamp })
}

function callback(app: CeleryApp, does: string, tag: string, call: Call): Signature {
  return app.signature(taskName(call, does, tag), [{ ...call, tag }])
}
