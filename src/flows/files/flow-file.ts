import { readFile } from 'node:fs/promises'
import { readDefinition } from '../../definitions/check.ts'
import type { Path } from '../../definitions/parse.ts'
import { DefinitionError, FlowError } from '../../errors.ts'
import { compile } from '../compilation/compile.ts'
import { Lookup } from '../engine/lookup.ts'
import type { Flow } from '../patterns/flow.ts'
import { buildFlow, type StepFunctions } from './build-flow.ts'
import { problemsOf } from './flow-problems.ts'
import { FLOW_SCHEMA, type FlowSpec } from './flow-schema.ts'
import { walk } from './flow-walk.ts'

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
      const [path, key] = readerOf(spec, { symbol, names }) ?? [['flow'], undefined]
      const message = `nothing before it provides "${symbol}", which it needs`
      return definition.problem(key === undefined ? path : [...path, ...key], message)
    })
    if (unread.length > 0) throw new DefinitionError(unread)
    return { flow, spec, text }
  } catch (cause) {
    if (!(cause instanceof FlowError)) throw cause
    const path = pathNamedIn(spec, cause.message) ?? ['flow']
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
  spec: FlowSpec,
  { symbol, names }: { readonly symbol: string; readonly names: readonly string[] },
): readonly [Path, Path | undefined] | undefined {
  if (names.includes(`${spec.flow}_retry`)) return [['retry'], ['each']]
  for (const { step, path, name } of walk(spec)) {
    if (names.includes(`${name}_retry`)) return [path, ['retry', 'each']]
    if (!names.some((one) => one === name || one === `${name}.when`)) continue
    const argument = Object.entries(step.with ?? {}).find(([, value]) => value === `$${symbol}`)
    if (argument !== undefined) return [path, ['with', argument[0]]]
    return [path, names.includes(`${name}.when`) ? ['when'] : undefined]
  }
  return undefined
}

/** The step that an error of the builder names. */
function pathNamedIn(spec: FlowSpec, message: string): Path | undefined {
  for (const { name, path } of walk(spec)) {
    const named = [`"${name}"`, `'${name}'`, `'${name}_retry'`]
    if (named.some((text) => message.includes(text))) return path
  }
  return undefined
}
