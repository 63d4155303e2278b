import { CompilationFailure } from '../failures/flow-errors.ts'

/** A symbol that an atom provides, and where in its result the value is. */
export interface Provided {
  readonly symbol: string
  /** Undefined: the whole result. A number: its position. A text: its key. */
  readonly at?: number | string
}

export type Provides = string | readonly string[] | ReadonlySet<string>

const NOTHING: readonly Provided[] = []

export function providedBy(owner: string, provides: Provides | undefined): readonly Provided[] {
  if (provides === undefined) return NOTHING
  const provided = listOf(provides)
  const symbols = new Set(provided.map(({ symbol }) => symbol))
  if (symbols.size < provided.length) {
    throw new CompilationFailure(
      `atom "${owner}" provides a symbol twice: ${[...symbols].join(', ')}`,
    )
  }
  return provided
}

function listOf(provides: Provides): Provided[] {
  if (typeof provides === 'string') return [{ symbol: provides }]
  if (provides instanceof Set) return [...provides].map((symbol) => ({ symbol, at: symbol }))
  return [...provides].map((symbol, at) => ({ symbol, at }))
}

/** The value in a result, boxed; undefined where the result is too short or lacks the key. */
export function valueAt(
  result: unknown,
  { at }: Provided,
): { readonly value: unknown } | undefined {
  if (at === undefined) return { value: result }
  if (typeof at === 'number') {
    return Array.isArray(result) && at < result.length ? { value: result[at] } : undefined
  }
  return typeof result === 'object' && result !== null && Object.hasOwn(result, at)
    ? { value: (result as Record<string, unknown>)[at] }
    : undefined
}
