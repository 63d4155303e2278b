import type { Definition } from '../../definitions/check.ts'
import type { Path } from '../../definitions/parse.ts'
import type { DefinitionProblem } from '../../errors.ts'
import type { StepFunctions } from './build-flow.ts'
import { parseCondition } from './condition.ts'
import type { FlowSpec, StepSpec } from './flow-schema.ts'
import { type FoundStep, walk } from './flow-walk.ts'

/** Mistakes that the schema cannot see: unknown tasks, duplicate names, conditions, symbols from nowhere, keys without effect. */
export function* problemsOf(
  definition: Definition<FlowSpec>,
  functions: StepFunctions | undefined,
): Generator<DefinitionProblem> {
  const spec = definition.value
  const found = [...walk(spec)]
  const provided = new Set([
    ...(spec.inputs ?? []),
    ...[spec, ...found.map(({ step }) => step)].flatMap(symbolsFrom),
  ])
  const names = new Set<string>()
  for (const one of found) {
    const { step, path, name } = one
    if (step.steps === undefined && names.has(name)) {
      const place = [...path, step.task === undefined ? 'wait' : 'task']
      yield definition.problem(place, `the name "${name}" is taken by another step`)
    }
    if (step.steps === undefined) names.add(name)
    yield* withoutEffect(definition, one)
    yield* unknownTasks(definition, one, functions)
    yield* unknownAfter(definition, one)
    yield* badValues(definition, one, provided)
  }
}

function symbolsFrom({ out = [], retry }: Pick<StepSpec, 'out' | 'retry'>): string[] {
  return [...[out].flat(), ...(retry?.as === undefined ? [] : [retry.as])]
}

const OF_TASKS = ['run', 'revert', 'queue', 'with', 'delay', 'priority'] as const
/** Keys that say nothing of such a step, and would be passed over. */
const NO_EFFECT = {
  wait: [...OF_TASKS, 'retry'],
  flow: [...OF_TASKS, 'timeout', 'out'],
} as const

function* withoutEffect(
  definition: Definition<FlowSpec>,
  { step, path, name }: FoundStep,
): Generator<DefinitionProblem> {
  if (step.otherwise !== undefined && step.when === undefined)
    yield definition.problem([...path, 'otherwise'], '"otherwise" goes with "when"')
  if (step.task !== undefined) return
  const [keys, what] =
    step.wait === undefined
      ? [NO_EFFECT.flow, `"${name}" is a flow: it belongs to its steps`]
      : [NO_EFFECT.wait, `"${name}" is a wait: it belongs to a task`]
  for (const key of keys) {
    if (step[key] !== undefined)
      yield definition.problem([...path, key], `"${key}" has no effect here, as ${what}`)
  }
}

function* unknownTasks(
  definition: Definition<FlowSpec>,
  { step, path }: FoundStep,
  functions: StepFunctions | undefined,
): Generator<DefinitionProblem> {
  if (functions === undefined || step.queue !== undefined) return
  for (const key of ['run', 'revert'] as const) {
    const name = step[key]
    if (name === undefined || functions.get(name) !== undefined) continue
    const near = functions.nearest?.(name)
    const hint =
      near === undefined ? 'give it a "queue" if it lives elsewhere' : `did you mean "${near}"?`
    yield definition.problem([...path, key], `no task "${name}" is registered; ${hint}`)
  }
}

/** Steps of the same graph, by name. */
function* unknownAfter(
  definition: Definition<FlowSpec>,
  { step: { after = [] }, path, flow: { kind, names } }: FoundStep,
): Generator<DefinitionProblem> {
  const place: Path = [...path, 'after']
  if (after.length > 0 && kind !== 'graph') {
    const message = `"after" is for steps of a graph, this one is in a ${kind} flow`
    yield definition.problem(place, message)
    return
  }
  for (const [index, name] of after.entries()) {
    if (!names.has(name))
      yield definition.problem([...place, index], `the graph has no step "${name}"`)
  }
}

function* badValues(
  definition: Definition<FlowSpec>,
  { step, path }: FoundStep,
  provided: ReadonlySet<string>,
): Generator<DefinitionProblem> {
  for (const [name, value] of Object.entries(step.with ?? {})) {
    const symbol = typeof value === 'string' && /^\$[^$]/.test(value) ? value.slice(1) : undefined
    if (symbol !== undefined && !provided.has(symbol))
      yield definition.problem([...path, 'with', name], lacking(symbol))
  }
  for (const message of wrongInCondition(step.when, provided))
    yield definition.problem([...path, 'when'], message)
}

function wrongInCondition(when: string | undefined, provided: ReadonlySet<string>): string[] {
  if (when === undefined) return []
  try {
    return parseCondition(when)
      .symbols.filter((symbol) => !provided.has(symbol))
      .map(lacking)
  } catch (error) {
    return [`the condition is wrong: ${error instanceof Error ? error.message : error}`]
  }
}

function lacking(symbol: string): string {
  return `nothing provides "${symbol}": it is no input and no step's "out"`
}
