import type { Path } from '../../definitions/parse.ts'
import type { FlowSpec, StepSpec } from './flow-schema.ts'

type FlowKind = NonNullable<FlowSpec['kind']>

/** A step of a flow file, and the flow that it is in. */
export interface FoundStep {
  readonly step: StepSpec
  readonly path: Path
  readonly name: string
  readonly flow: { readonly kind: FlowKind; readonly names: ReadonlySet<string> }
}

const KINDS = ['linear', 'unordered', 'graph'] as const

/** All steps of a file, in its order; those of nested flows behind their flow. */
export function* walk(
  { kind = 'linear', steps }: Pick<FlowSpec, 'kind' | 'steps'>,
  path: Path = ['steps'],
): Generator<FoundStep> {
  const flow = { kind, names: new Set(steps.map(nameOf)) }
  for (const [index, step] of steps.entries()) {
    const at = [...path, index]
    yield { step, path: at, name: nameOf(step), flow }
    if (step.steps !== undefined)
      yield* walk({ kind: kindOf(step), steps: step.steps }, [...at, 'steps'])
  }
}

export function nameOf(step: StepSpec): string {
  return step.task ?? step.wait ?? step[kindOf(step)] ?? ''
}

/** Of a step that is a flow. */
export function kindOf(step: StepSpec): FlowKind {
  return KINDS.find((kind) => step[kind] !== undefined) ?? 'linear'
}
