import { CompilationFailure } from '../failures/flow-errors.ts'
import { type Binding, type BindingOptions, bind, isList, type Rebind } from './binding.ts'
import { type Provided, type Provides, providedBy } from './provides.ts'

/** Named values: what a function of an atom is given. */
export type Values = Readonly<Record<string, unknown>>

export interface AtomOptions extends BindingOptions {
  /** A name for the whole result, names for its positions, or a Set of its keys. */
  readonly provides?: Provides | undefined
  /** Values for this atom alone. */
  readonly inject?: Values | undefined
  /** The parameters of `revert` beside `result` and `failures`. */
  readonly revertArgs?: readonly string[] | undefined
  readonly revertOptional?: Values | undefined
  readonly revertRequires?: readonly string[] | undefined
  readonly revertRebind?: Rebind | undefined
  /** Of atoms that are ready together the highest starts first. Default 0. */
  readonly priority?: number | undefined
  /** Stored with the atom. Default "1.0". */
  readonly version?: string | undefined
}

const NO_VALUES: Values = Object.freeze({})

/** What tasks and retries have in common: a name, what they need and what they provide. */
export abstract class Atom {
  abstract readonly kind: 'task' | 'retry'
  readonly name: string
  readonly version: string
  readonly priority: number
  readonly provides: readonly Provided[]
  readonly inject: Values
  readonly executeBinding: Binding
  readonly revertBinding: Binding

  constructor(name: string, options: AtomOptions) {
    if (typeof name !== 'string' || name === '') {
      throw new CompilationFailure(`an atom's name is ${JSON.stringify(name)}, expected a text`)
    }
    refuseNames(name, options)
    refuseNoNumber(name, 'priority', options.priority)
    this.name = name
    this.version = options.version ?? '1.0'
    this.priority = options.priority ?? 0
    this.provides = providedBy(name, options.provides)
    this.inject = options.inject ?? NO_VALUES
    this.executeBinding = bind(name, options)
    this.revertBinding = bind(name, {
      args: options.revertArgs,
      optional: options.revertOptional,
      requires: options.revertRequires,
      rebind: options.revertRebind ?? revertNames(options),
    })
  }

  /** The symbols that must be provided, for execute and for revert, beyond its own injected values. */
  get requires(): Set<string> {
    const parameters = [...this.executeBinding.required, ...this.revertBinding.required]
    return new Set(
      parameters
        .map(({ symbol }) => symbol)
        .filter((symbol) => !Object.hasOwn(this.inject, symbol)),
    )
  }

  get optional(): Set<string> {
    const parameters = [...this.executeBinding.optional, ...this.revertBinding.optional]
    return new Set(parameters.map(({ symbol }) => symbol))
  }
}

export function refuseNoNumber(name: string, key: string, value: unknown): void {
  if (value === undefined || (typeof value === 'number' && !Number.isNaN(value))) return
  throw new CompilationFailure(`${key} of "${name}" is ${String(value)}, expected a number`)
}

/** Failures, histories and values are objects by these names, of which __proto__ can be no plain key. */
function refuseNames(name: string, options: AtomOptions): void {
  for (const list of ['args', 'requires', 'revertArgs', 'revertRequires'] as const) {
    const given = options[list]
    if (given !== undefined && !Array.isArray(given))
      throw new CompilationFailure(
        `${list} of atom "${name}" is ${typeof given}, expected names in a list`,
      )
  }
  const { args, requires, revertArgs, revertRequires, provides = [] } = options
  const symbols = [args, requires, revertArgs, revertRequires].flatMap((list) => list ?? [])
  const all = [name, ...symbols, ...(typeof provides === 'string' ? [provides] : provides)]
  const renamed = [options.rebind, options.revertRebind].flatMap((rebind) =>
    Object.entries(rebind ?? {}).flat(),
  )
  if ([...all, ...renamed].includes('__proto__'))
    throw new CompilationFailure(
      `atom "${name}" has a symbol __proto__, which cannot be the name of a value`,
    )
}

/** Parameters of revert read the symbols that execute reads under the same names. */
function revertNames({ rebind, args = [], revertArgs = [] }: AtomOptions): Rebind | undefined {
  if (rebind === undefined) return undefined
  const renamed: [string, string][] = isList(rebind)
    ? rebind.map((symbol, index) => [args[index] ?? symbol, symbol])
    : Object.entries(rebind)
  return Object.fromEntries(renamed.filter(([name]) => revertArgs.includes(name)))
}
