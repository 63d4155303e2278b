import { timeSpanMs } from '../../time-span.ts'
import {
  alwaysRevert,
  forEach,
  parameterizedForEach,
  type Retry,
  type RetryOptions,
  times,
} from '../atoms/retry.ts'
import { type AnyValues, type AtomContext, type Task, task } from '../atoms/task.ts'
import { CompilationFailure } from '../failures/flow-errors.ts'
import {
  type Flow,
  graph,
  type Item,
  type Link,
  linear,
  link,
  unordered,
} from '../patterns/flow.ts'
import { remote } from '../remote/remote.ts'
import { waitFor } from '../waits/wait-for.ts'
import { parseCondition } from './condition.ts'
import type { FlowSpec, RetrySpec, StepSpec } from './flow-schema.ts'
import { kindOf, nameOf } from './flow-walk.ts'

type StepFunction = (values: AnyValues, context: AtomContext) => unknown

/** Where `run` and `revert` of a flow file find their functions. */
export interface StepFunctions {
  get(name: string): StepFunction | undefined
  /** A known name that is much like this one. */
  nearest?(name: string): string | undefined
}

/** The flow that a checked file describes. */
export function buildFlow(spec: FlowSpec, functions?: StepFunctions): Flow {
  const { flow: name, kind = 'linear', retry, version, steps } = spec
  return flowOf({ name, kind, retry, version }, steps, functions)
}

interface Head {
  readonly name: string
  readonly kind: 'linear' | 'unordered' | 'graph'
  readonly retry?: RetrySpec | undefined
  readonly version?: string | number | undefined
}

function flowOf(
  head: Head,
  steps: readonly StepSpec[],
  functions: StepFunctions | undefined,
): Flow {
  const { name, kind } = head
  const options = {
    ...(head.retry !== undefined && { retry: retryOf(`${name}_retry`, head.retry) }),
    ...(head.version !== undefined && { version: String(head.version) }),
  }
  const items = steps.map((step) => itemOf(step, functions))
  const isDecided = steps.some(({ when }) => when !== undefined)
  if (kind === 'linear' && !isDecided) return linear(name, options, items)
  if (kind === 'unordered' && !isDecided) return unordered(name, options, items)
  const guards = steps.map((step) =>
    step.when === undefined ? undefined : guardOf(step, step.when),
  )
  const links = [
    ...(kind === 'linear' ? inSequence(items, guards) : []),
    ...steps.flatMap((step, index) => linksOf(step, items[index], guards[index])),
  ]
  return graph(name, options, [...items, ...guards.filter((guard) => guard !== undefined)], links)
}

/** A condition is a step of its own before the step that it guards. */
function guardOf(step: StepSpec, when: string): Task {
  const condition = parseCondition(when)
  return task(`${nameOf(step)}.when`, {
    args: condition.symbols,
    execute: (values) => condition.holds(values),
  })
}

function inSequence(items: readonly Item[], guards: readonly (Task | undefined)[]): Link[] {
  return items.slice(1).flatMap((item, index) => {
    const before = items[index]
    return before === undefined ? [] : [link(before, guards[index + 1] ?? item)]
  })
}

function linksOf(step: StepSpec, item: Item | undefined, guard: Task | undefined): Link[] {
  if (item === undefined) return []
  const links = (step.after ?? []).map((before) => link(before, guard ?? item))
  if (guard === undefined) return links
  const depth = step.otherwise === 'skip-flow' ? 'FLOW' : 'ATOM'
  return [
    ...links,
    link(guard, item, { decider: (history) => history[guard.name] === true, depth }),
  ]
}

function itemOf(step: StepSpec, functions: StepFunctions | undefined): Item {
  if (step.steps !== undefined) {
    const head = { name: nameOf(step), kind: kindOf(step), retry: step.retry }
    return flowOf(head, step.steps, functions)
  }
  const name = nameOf(step)
  if (step.wait !== undefined) {
    const { timeout, out } = step
    return waitFor(step.wait, {
      ...(timeout !== undefined && { timeout }),
      ...(out !== undefined && { provides: providesOf(out) }),
    })
  }
  const made = taskOf(name, step, functions)
  return step.retry === undefined
    ? made
    : linear(`${name}_flow`, { retry: retryOf(`${name}_retry`, step.retry) }, [made])
}

function taskOf(name: string, step: StepSpec, functions: StepFunctions | undefined): Task {
  const { run = name, revert, queue, delay, timeout, priority, out } = step
  const { rebind, constants } = argumentsOf(step.with ?? {})
  const names = Object.keys(rebind)
  const execute = functionOf(run, queue, functions)
  const undo = revert === undefined ? undefined : functionOf(revert, queue, functions)
  return task(name, {
    args: names,
    rebind,
    ...(out !== undefined && { provides: providesOf(out) }),
    ...(priority !== undefined && { priority }),
    ...(delay !== undefined && { delayMs: spanOf(delay) }),
    ...(timeout !== undefined && { timeoutMs: spanOf(timeout) }),
    execute: withConstants(execute, constants),
    ...(undo !== undefined && {
      revertArgs: names,
      revertRebind: rebind,
      revert: withConstants(undo, constants),
    }),
  })
}

function functionOf(
  name: string,
  queue: string | undefined,
  functions: StepFunctions | undefined,
): StepFunction {
  const local = queue === undefined ? functions?.get(name) : undefined
  return local ?? remote(name, queue === undefined ? {} : { queue })
}

/** A remote step stays one: its constants travel with it. */
function withConstants(
  run: StepFunction,
  constants: Readonly<Record<string, unknown>>,
): StepFunction {
  if (Object.keys(constants).length === 0) return run
  const wrapped: StepFunction = (values, context) => run({ ...constants, ...values }, context)
  return Object.assign(
    wrapped,
    'remote' in run ? { remote: { ...(run.remote as object), constants } } : {},
  )
}

/** "$name" is a symbol, "$$name" the text "$name", everything else a constant. */
function argumentsOf(given: Readonly<Record<string, unknown>>): {
  readonly rebind: Record<string, string>
  readonly constants: Record<string, unknown>
} {
  const rebind: Record<string, string> = {}
  const constants: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === 'string' && value.startsWith('$$')) constants[name] = value.slice(1)
    else if (typeof value === 'string' && value.startsWith('$')) rebind[name] = value.slice(1)
    else constants[name] = value
  }
  return { rebind, constants }
}

/** A list of names are keys of the result. */
function providesOf(out: string | readonly string[]): string | ReadonlySet<string> {
  return typeof out === 'string' ? out : new Set(out)
}

function retryOf(name: string, spec: RetrySpec): Retry {
  const { times: attempts, each, as, delay, backoff, maxDelay, jitter, on, revertAll } = spec
  const options: RetryOptions = {
    provides: as,
    on,
    revertAll,
    ...(delay !== undefined && {
      delay: {
        delayMs: spanOf(delay),
        ...(backoff !== undefined && { backoff }),
        ...(maxDelay !== undefined && { maxDelayMs: spanOf(maxDelay) }),
        ...(jitter !== undefined && { jitter }),
      },
    }),
  }
  if (typeof each === 'string')
    return parameterizedForEach(name, { ...options, rebind: { values: each.slice(1) } })
  if (each !== undefined) return forEach(name, { ...options, values: each })
  return attempts === undefined
    ? alwaysRevert(name, options)
    : times(name, { ...options, attempts })
}

function spanOf(span: string | number): number {
  const ms = typeof span === 'number' ? span : timeSpanMs(span)
  if (ms === undefined)
    throw new CompilationFailure(`${JSON.stringify(span)} is not a span of time such as "90s"`)
  return ms
}
