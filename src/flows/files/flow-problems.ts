import type { Definition } from '../../definitions/check.ts'
import type { Path } from '../../definitions/parse.ts'
import type { DefinitionProblem } from '../../errors.ts'
import { textOfError } from '../../text-of-error.ts'
import { timeSpanMs } from '../../time-span.ts'
import type { StepFunctions } from './build-flow.ts'
import { parseCondition } from './condition.ts'
import type { FlowSpec, StepSpec } from './flow-schema.ts'
import { type FoundStep, kindOf, walk } from './flow-walk.ts'

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
  yield* badTimes(definition, spec, [])
  for (const one of found) {
    const { step, path, name } = one
    if (step.steps === undefined && names.has(name)) {
      const place = [...path, step.task === undefined ? 'wait' : 'task']
      yield definition.problem(place, `the name "${name}" is taken by another step`)
    }
    if (step.steps === undefined) names.add(name)
    yield* withoutEffect(definition, one)
    yield* badTimes(definition, step, path)
    yield* unknownTasks(definition, one, functions)
    yield* unknownAfter(definition, one)
    yield* badValues(definition, one, provided)
  }
}

function symbolsFrom({ out = [], retry }: Pick<StepSpec, 'out' | 'retry'>): string[] {
  return [...[out].flat(), ...(retry?.as === undefined ? [] : [retry.as])]
}

const OF_ALL = ['when', 'otherwise', 'after']
/** What can be said of a step; anything else would be passed over. */
const KEYS = {
  task: 'task run revert queue with out delay timeout priority retry'.split(' ').concat(OF_ALL),
  wait: ['wait', 'out', 'timeout', ...OF_ALL],
  flow: ['steps', 'retry', ...OF_ALL],
} as const

function* withoutEffect(
  definition: Definition<FlowSpec>,
  { step, path, name }: FoundStep,
): Generator<DefinitionProblem> {
  const kind = kindOfStep(step)
  for (const key of Object.keys(step)) {
    const isKnown = KEYS[kind].includes(key) || (kind === 'flow' && key === kindOf(step))
    if (!isKnown)
      yield definition.problem([...path, key], `"${key}" has no effect on the ${kind} "${name}"`)
  }
  if (step.otherwise !== undefined && step.when === undefined)
    yield definition.problem([...path, 'otherwise'], '"otherwise" goes with "when"')
}

/** The schema asks for `run` with a task, and for the name of its kind with a flow. */
function kindOfStep({ task, run, wait }: StepSpec): keyof typeof KEYS {
  if (task !== undefined && run !== undefined) return 'task'
  return wait === undefined ? 'flow' : 'wait'
}

const MOST_SPAN_MS = 100 * 365 * 86_400_000

/** Spans and the retry, of a step or of the whole flow. */
function* badTimes(
  definition: Definition<FlowSpec>,
  { delay, timeout, retry }: Pick<StepSpec, 'delay' | 'timeout' | 'retry'>,
  path: Path,
): Generator<DefinitionProblem> {
  const inRetry: Path = [...path, 'retry']
  const spans: readonly (readonly [Path, string | number | undefined])[] = [
    [[...path, 'delay'], delay],
    [[...path, 'timeout'], timeout],
    [[...inRetry, 'delay'], retry?.delay],
    [[...inRetry, 'maxDelay'], retry?.maxDelay],
  ]
  for (const [place, span = 0] of spans) {
    const ms = typeof span === 'number' ? span : (timeSpanMs(span) ?? 0)
    if (ms > MOST_SPAN_MS) yield definition.problem(place, `${span} is longer than a hundred years`)
  }
  yield* loneInRetry(definition, retry ?? {}, inRetry)
}

/** Keys of a retry that say nothing without another one. */
function* loneInRetry(
  definition: Definition<FlowSpec>,
  retry: NonNullable<StepSpec['retry']>,
  path: Path,
): Generator<DefinitionProblem> {
  const { times, each, delay } = retry
  if (each !== undefined && times !== undefined)
    yield definition.problem(
      [...path, 'times'],
      '"times" has no effect beside "each", which is one attempt a value',
    )
  for (const key of ['delay', 'on'] as const) {
    if (retry[key] !== undefined && times === undefined && each === undefined)
      yield definition.problem([...path, key], `"${key}" goes with "times" or "each"`)
  }
  for (const key of ['backoff', 'maxDelay', 'jitter'] as const) {
    if (retry[key] !== undefined && delay === undefined)
      yield definition.problem([...path, key], `"${key}" goes with "delay"`)
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
      near === undefined ? 'give it a "queue" if another app has it' : `did you mean "${near}"?`
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
    return [`the condition is wrong: ${textOfError(error)}`]
  }
}

function lacking(symbol: string): string {
  return `nothing provides "${symbol}": it is not an input, and not the "out" of a step`
}
