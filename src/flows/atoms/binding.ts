import { CompilationFailure } from '../failures/flow-errors.ts'

/** How one function of an atom gets its arguments: which symbol each parameter reads. */
export interface Binding {
  readonly required: readonly Parameter[]
  /** Passed where something provides the symbol; the default applies otherwise. */
  readonly optional: readonly (Parameter & { readonly fallback: unknown })[]
}

interface Parameter {
  readonly name: string
  readonly symbol: string
}

export type Rebind = Readonly<Record<string, string>> | readonly string[]

export interface BindingOptions {
  /** The required parameters, in order. */
  readonly args?: readonly string[] | undefined
  /** Parameters with their defaults. */
  readonly optional?: Readonly<Record<string, unknown>> | undefined
  /** Symbols that are needed beyond the parameters, passed under their own names. */
  readonly requires?: readonly string[] | undefined
  /** Which symbol a parameter reads, by name; or symbols by position, where surplus ones keep their names. */
  readonly rebind?: Rebind | undefined
}

export function bind(owner: string, options: BindingOptions): Binding {
  return isEmpty(options) ? NONE : bound(owner, options)
}

function bound(owner: string, options: BindingOptions): Binding {
  const { args = [], optional = {}, requires = [], rebind = {} } = options
  const renamed = new Map<string, string>()
  const names = new Set([...args, ...requires])
  if (isList(rebind)) {
    if (rebind.length < args.length) {
      throw new CompilationFailure(
        `Missing arguments for atom "${owner}": rebind names ${rebind.length} symbols for ${args.length} parameters`,
      )
    }
    for (const [index, symbol] of rebind.entries()) renamed.set(args[index] ?? symbol, symbol)
  } else {
    for (const [name, symbol] of Object.entries(rebind)) renamed.set(name, symbol)
  }
  for (const name of renamed.keys()) if (!Object.hasOwn(optional, name)) names.add(name)
  return {
    required: [...names]
      .filter((name) => !Object.hasOwn(optional, name))
      .map((name) => ({ name, symbol: renamed.get(name) ?? name })),
    optional: Object.entries(optional).map(([name, fallback]) => ({
      name,
      symbol: renamed.get(name) ?? name,
      fallback,
    })),
  }
}

function isEmpty({ args, optional, requires, rebind }: BindingOptions): boolean {
  const isNamed = optional !== undefined || rebind !== undefined
  return !isNamed && (args ?? []).length + (requires ?? []).length === 0
}

/** One object for the many atoms without arguments, as flows may have very many. */
const NONE: Binding = { required: [], optional: [] }

export function isList(rebind: Rebind): rebind is readonly string[] {
  return Array.isArray(rebind)
}
