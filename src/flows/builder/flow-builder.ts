import type { Retry } from '../atoms/retry.ts'
import { type AnyValues, type AtomContext, type Task, task } from '../atoms/task.ts'
import { Engine } from '../engine/engine.ts'
import type { EngineOptions } from '../engine/engine-options.ts'
import {
  type Flow,
  graph,
  type Item,
  type Link,
  linear,
  link,
  unordered,
} from '../patterns/flow.ts'

type Symbols = Readonly<Record<string, unknown>>
/** Picks one symbol: `$ => $.path`. One that no earlier step provides does not compile. */
type Pick$<Known extends Symbols, Value = unknown> = ($: Known) => Value

/** What a step adds: its whole result under one name, or the named keys of its result. */
type Given<Result, Out> = Out extends string
  ? { readonly [Name in Out]: Result }
  : Out extends readonly (infer Key extends string)[]
    ? { readonly [Name in Key]: Name extends keyof Result ? Result[Name] : unknown }
    : object

interface StepOptions<Known extends Symbols, Values, Out> {
  /** Which symbol each parameter of the step reads. */
  readonly with?: { readonly [Name in keyof Values]: Pick$<Known, Values[Name]> }
  readonly out?: Out
  readonly revert?: (values: AnyValues, context: AtomContext) => unknown
  /** Runs only where this is true. */
  readonly when?: Pick$<Known>
  readonly delayMs?: number
  readonly timeoutMs?: number
  readonly priority?: number
}

/** Builds a flow step by step; each step sees the symbols of its inputs and of earlier steps, with their types. */
export interface FlowBuilder<Known extends Symbols> {
  readonly name: string
  input<More extends Symbols>(): FlowBuilder<Known & More>
  retry(retry: Retry): FlowBuilder<Known>
  step<Values, Result, const Out extends string | readonly string[] | undefined = undefined>(
    name: string,
    run: (values: Values, context: AtomContext) => Result,
    options?: StepOptions<Known, Values, Out>,
  ): FlowBuilder<Known & Given<Awaited<Result>, Out>>
  /** Steps that may run side by side. */
  unordered<More extends Symbols>(
    name: string,
    steps: (flow: FlowBuilder<Known>) => FlowBuilder<More>,
  ): FlowBuilder<Known & More>
  linear<More extends Symbols>(
    name: string,
    steps: (flow: FlowBuilder<Known>) => FlowBuilder<More>,
  ): FlowBuilder<Known & More>
  build(): Flow
  /** Runs the flow in this process. */
  run(values: Partial<Known>, options?: RunFlowOptions): Promise<Engine>
}

interface RunFlowOptions extends Omit<EngineOptions, 'kind' | 'store'> {
  readonly engine?: EngineOptions['kind']
}

/** A flow of typed steps: `flow('ingest').input<{ path: string }>().step('copy', copy, { … })`. */
export function flow(name: string): FlowBuilder<Record<never, never>> {
  return new Builder(name, 'linear')
}

interface Part {
  readonly item: Item
  readonly guard: Task | undefined
}

class Builder implements FlowBuilder<AnyValues> {
  readonly name: string
  readonly #pattern: 'linear' | 'unordered'
  readonly #parts: readonly Part[]
  readonly #retry: Retry | undefined

  constructor(
    name: string,
    pattern: 'linear' | 'unordered',
    parts: readonly Part[] = [],
    retry?: Retry,
  ) {
    this.name = name
    this.#pattern = pattern
    this.#parts = parts
    this.#retry = retry
  }

  input(): Builder {
    return this
  }

  retry(retry: Retry): Builder {
    return new Builder(this.name, this.#pattern, this.#parts, retry)
  }

  step(
    name: string,
    run: (values: AnyValues, context: AtomContext) => unknown,
    options: StepOptions<AnyValues, AnyValues, AnyValues> = {},
  ): Builder {
    const { with: picks = {}, out, when, revert, ...others } = options
    const rebind = Object.fromEntries(
      Object.entries(picks as Record<string, Pick$<Symbols>>).map(([parameter, pick]) => [
        parameter,
        symbolsOf(pick)[0] ?? parameter,
      ]),
    )
    const args = Object.keys(rebind)
    const item = task(name, {
      ...others,
      args,
      rebind,
      execute: run,
      ...(out !== undefined && { provides: typeof out === 'string' ? out : new Set<string>(out) }),
      ...(revert !== undefined && { revert, revertArgs: args, revertRebind: rebind }),
    })
    const guard =
      when === undefined
        ? undefined
        : task(`${name}.when`, {
            args: symbolsOf(when),
            execute: (values) => Boolean(when(values)),
          })
    return this.#with({ item, guard })
  }

  unordered(name: string, steps: (flow: AnyValues) => AnyValues): Builder {
    return this.#with({ item: steps(new Builder(name, 'unordered')).build(), guard: undefined })
  }

  linear(name: string, steps: (flow: AnyValues) => AnyValues): Builder {
    return this.#with({ item: steps(new Builder(name, 'linear')).build(), guard: undefined })
  }

  build(): Flow {
    const options = { retry: this.#retry }
    const items = this.#parts.map(({ item }) => item)
    const guards = this.#parts.flatMap(({ guard }) => guard ?? [])
    if (guards.length === 0)
      return (this.#pattern === 'linear' ? linear : unordered)(this.name, options, items)
    return graph(this.name, options, [...items, ...guards], this.#links())
  }

  async run(values: Symbols, { engine: kind, ...options }: RunFlowOptions = {}): Promise<Engine> {
    const engine = new Engine(this.build(), { ...options, kind, store: values })
    await engine.run()
    return engine
  }

  #links(): Link[] {
    return this.#parts.flatMap(({ item, guard }, index) => {
      const before = this.#pattern === 'linear' ? this.#parts[index - 1]?.item : undefined
      const links = before === undefined ? [] : [link(before, guard ?? item)]
      if (guard === undefined) return links
      return [
        ...links,
        link(guard, item, { decider: (history) => history[guard.name] === true, depth: 'ATOM' }),
      ]
    })
  }

  #with(part: Part): Builder {
    return new Builder(this.name, this.#pattern, [...this.#parts, part], this.#retry)
  }
}

/** The symbols that a function reads, found by giving it an object that notes what is asked of it. */
function symbolsOf(pick: ($: AnyValues) => unknown): string[] {
  const asked = new Set<string>()
  const probe = new Proxy(
    {},
    {
      get: (_, name) => {
        asked.add(String(name))
        return undefined
      },
    },
  )
  try {
    pick(probe)
  } catch {
    // A function that cannot do with undefined has been asked all the same.
  }
  return [...asked]
}
