import { readFile } from 'node:fs/promises'
import { type Definition, readDefinition } from '../../definitions/check.ts'
import type { Path } from '../../definitions/parse.ts'
import { DefinitionError, type DefinitionProblem, FlowError } from '../../errors.ts'
import { compile } from '../engine/compile.ts'
import { Lookup } from '../engine/lookup.ts'
import type { Flow } from '../patterns/flow.ts'
import { buildFlow, type StepFunctions } from './build-flow.ts'
import { parseCondition } from './condition.ts'
import { FLOW_SCHEMA, type FlowSpec, type StepSpec } from './flow-schema.ts'

export interface FlowFile {
  readonly flow: Flow
  readonly spec: FlowSpec
  readonly text: string
}

interface ReadFlowOptions {
  readonly file?: string
  /** The functions behind `run` and `revert`. Without them a flow can be checked and drawn, not run. */
  readonly functions?: StepFunctions
}

/** Reads a flow file and builds its flow; throws a DefinitionError with every mistake and its place. */
export async function readFlowFile(path: string, options: ReadFlowOptions = {}): Promise<FlowFile> {
  return readFlow(await readFile(path, 'utf8'), { file: path, ...options })
}

export function readFlow(
  text: string,
  { file = 'flow.yaml', functions }: ReadFlowOptions = {},
): FlowFile {
  const definition = readDefinition<FlowSpec>(text, { file, schema: FLOW_SCHEMA })
  const spec = definition.value
  const problems = [...problemsOf(definition, functions)]
  if (problems.length > 0) throw new DefinitionError(problems)
  try {
    const flow = buildFlow(spec, functions)
    const missing = new Lookup(compile(flow), { of: noRecord, values: inputsOf(spec) }).missing()
    const unread = [...missing].map(([symbol, names]) => {
      const [path, key] = readerOf(spec.steps, { symbol, names }) ?? [['flow'], undefined]
      const message = `nothing before it provides "${symbol}", which it needs`
      return definition.problem(key === undefined ? path : [...path, ...key], message)
    })
    if (unread.length > 0) throw new DefinitionError(unread)
    return { flow, spec, text }
  } catch (cause) {
    if (!(cause instanceof FlowError)) throw cause
    const path = pathNamedIn(spec.steps, cause.message, ['steps']) ?? ['flow']
    throw new DefinitionError([definition.problem(path, cause.message)], { cause })
  }
}

function inputsOf({ inputs = [] }: FlowSpec): Record<string, unknown> {
  return Object.fromEntries(inputs.map((name) => [name, undefined]))
}

function noRecord(): never {
  throw new FlowError('FLOW_INVALID', 'a flow file has no run')
}

/** The step that reads a symbol, and where in the step. */
function readerOf(
  steps: readonly StepSpec[],
  { symbol, names }: { readonly symbol: string; readonly names: readonly string[] },
): readonly [Path, Path | undefined] | undefined {
  for (const { step, path } of walk(steps, ['steps'])) {
    const name = step.task ?? step.wait ?? step.linear ?? step.unordered ?? step.graph
    if (!names.some((one) => one === name || one === `${name}.when` || one === `${name}_retry`))
      continue
    const argument = Object.entries(step.with ?? {}).find(([, value]) => value === `$${symbol}`)
    if (argument !== undefined) return [path, ['with', argument[0]]]
    return [path, names.includes(`${name}.when`) ? ['when'] : undefined]
  }
  return undefined
}

/** Mistakes that the schema cannot see: unknown tasks, duplicate names, conditions, symbols from nowhere. */
function* problemsOf(
  definition: Definition<FlowSpec>,
  functions: StepFunctions | undefined,
): Generator<DefinitionProblem> {
  const names = new Map<string, Path>()
  const provided = new Set(definition.value.inputs ?? [])
  const spec = definition.value
  if (spec.retry?.as !== undefined) provided.add(spec.retry.as)
  for (const { step } of walk(spec.steps, ['steps']))
    for (const symbol of symbolsFrom(step)) provided.add(symbol)
  for (const { step, path } of walk(spec.steps, ['steps'])) {
    const name = step.task ?? step.wait
    if (name !== undefined) {
      if (names.has(name))
        yield definition.problem(
          [...path, step.task === undefined ? 'wait' : 'task'],
          `the name "${name}" is taken by another step`,
        )
      names.set(name, path)
    }
    yield* unknownTasks(definition, { step, path, functions })
    yield* unknownAfter(definition, { step, path })
    yield* badValues(definition, { step, path, provided })
  }
}

function* unknownTasks(
  definition: Definition<FlowSpec>,
  { step, path, functions }: { step: StepSpec; path: Path; functions: StepFunctions | undefined },
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
  { step: { after = [] }, path }: { step: StepSpec; path: Path },
): Generator<DefinitionProblem> {
  if (after.length === 0) return
  const { kind, steps } = parentOf(definition.value, path)
  if (kind !== 'graph') {
    yield definition.problem(
      [...path, 'after'],
      `"after" is for steps of a graph, this one is in a ${kind} flow`,
    )
    return
  }
  const names = new Set(
    steps.map((one) => one.task ?? one.wait ?? one.linear ?? one.unordered ?? one.graph),
  )
  for (const [index, name] of after.entries()) {
    if (!names.has(name))
      yield definition.problem([...path, 'after', index], `the graph has no step "${name}"`)
  }
}

/** The flow that has the step at this path. */
function parentOf(
  spec: FlowSpec,
  path: Path,
): { readonly kind: string; readonly steps: readonly StepSpec[] } {
  let parent: { kind: string; steps: readonly StepSpec[] } = {
    kind: spec.kind ?? 'linear',
    steps: spec.steps,
  }
  for (const key of path.slice(0, -1)) {
    if (typeof key !== 'number') continue
    const step = parent.steps[key]
    const kind = KINDS.find((one) => step?.[one] !== undefined) ?? 'linear'
    parent = { kind, steps: step?.steps ?? [] }
  }
  return parent
}

const KINDS = ['linear', 'unordered', 'graph'] as const

function* badValues(
  definition: Definition<FlowSpec>,
  { step, path, provided }: { step: StepSpec; path: Path; provided: ReadonlySet<string> },
): Generator<DefinitionProblem> {
  const lacking = (symbol: string) =>
    `nothing provides "${symbol}": it is no input and no step's "out"`
  for (const [name, value] of Object.entries(step.with ?? {})) {
    const symbol = typeof value === 'string' && /^\$[^$]/.test(value) ? value.slice(1) : undefined
    if (symbol !== undefined && !provided.has(symbol))
      yield definition.problem([...path, 'with', name], lacking(symbol))
  }
  if (step.when === undefined) return
  try {
    for (const symbol of parseCondition(step.when).symbols) {
      if (!provided.has(symbol)) yield definition.problem([...path, 'when'], lacking(symbol))
    }
  } catch (error) {
    yield definition.problem(
      [...path, 'when'],
      `the condition is wrong: ${error instanceof Error ? error.message : error}`,
    )
  }
}

function* walk(steps: readonly StepSpec[], path: Path): Generator<{ step: StepSpec; path: Path }> {
  for (const [index, step] of steps.entries()) {
    const at = [...path, index]
    yield { step, path: at }
    if (step.steps !== undefined) yield* walk(step.steps, [...at, 'steps'])
  }
}

function symbolsFrom({ out, retry }: StepSpec): string[] {
  return [...[out ?? []].flat(), ...(retry?.as === undefined ? [] : [retry.as])]
}

/** The step that an error of the builder names. */
function pathNamedIn(steps: readonly StepSpec[], message: string, path: Path): Path | undefined {
  for (const { step, path: at } of walk(steps, path)) {
    const name = step.task ?? step.wait ?? step.linear ?? step.unordered ?? step.graph
    if (name !== undefined && (message.includes(`"${name}"`) || message.includes(`'${name}'`)))
      return at
  }
  return undefined
}
