import {
  alwaysRevert,
  alwaysRevertAll,
  Failure,
  type Flow,
  forEach,
  graph,
  type Item,
  type Link,
  linear,
  link,
  parameterizedForEach,
  type Retry,
  targeted,
  task,
  times,
  unordered,
} from 'celery-toolbox/flows'

/** The form of test/fixtures/flows/scenarios.json; "reading" in that file explains it. */
export interface Scenario {
  readonly id: string
  readonly title: string
  readonly flow: FlowSpec
  readonly store?: Record<string, unknown>
  readonly engine: 'serial' | 'parallel'
  readonly options?: { readonly defer_reverts?: boolean; readonly never_resolve?: boolean }
  readonly crash?: boolean
  readonly expect: {
    readonly order: 'total' | 'partial'
    readonly before?: readonly (readonly [number, number])[]
    readonly calls: readonly Call[]
    readonly runs: readonly RunSpec[]
  }
}

export interface RunSpec {
  readonly flow?: string
  readonly phase: number
  readonly atoms?: Record<string, readonly [string, string]>
  readonly results?: Record<string, unknown>
  readonly retryHistories?: Record<string, unknown>
  readonly transitions?: Record<string, readonly string[]>
  readonly raises?: { readonly type: string; readonly message: string }
}

export type Call = Record<string, unknown>

type ItemSpec = TaskSpec | FlowSpec

export interface FlowSpec {
  readonly flow: 'linear' | 'unordered' | 'graph' | 'targeted'
  readonly name: string
  readonly retry?: RetrySpec
  readonly items: readonly ItemSpec[]
  readonly links?: readonly LinkSpec[]
  readonly target?: string
}

interface LinkSpec {
  readonly from: string
  readonly to: string
  readonly decider?: { readonly atom?: string; readonly returns?: boolean }
  readonly depth?: 'ALL' | 'FLOW' | 'NEIGHBORS' | 'ATOM'
}

interface RetrySpec {
  readonly retry: 'Times' | 'ForEach' | 'ParameterizedForEach' | 'AlwaysRevert' | 'AlwaysRevertAll'
  readonly name: string
  readonly attempts?: number
  readonly values?: readonly unknown[]
  readonly provides?: string
  readonly rebind?: Record<string, string>
  readonly revertAll?: boolean
}

interface Behaviour {
  readonly return?: unknown
  readonly returnArg?: string
  readonly returnConcat?: readonly string[]
  readonly returnSum?: readonly string[]
  readonly fail?: {
    readonly type: string
    readonly message: string
    readonly onCalls?: readonly number[]
    readonly whenArg?: string
    readonly in?: readonly unknown[]
  }
  readonly exitProcess?: { readonly phases: readonly number[] }
}

export interface TaskSpec {
  readonly task: string
  readonly args?: readonly string[]
  readonly optional?: Record<string, unknown>
  readonly revertArgs?: readonly string[]
  readonly provides?: string | readonly string[] | { readonly set: readonly string[] }
  readonly rebind?: Record<string, string>
  readonly inject?: Record<string, unknown>
  readonly priority?: number
  readonly execute?: Behaviour
  readonly revert?: Behaviour
}

/** Stands for a process that dies: nothing of the engine is reached any more. */
class ProcessDied extends Error {}

/** Builds flows from their description and notes every call. */
export class Player {
  readonly calls: Call[] = []
  readonly #counts = new Map<string, number>()
  phase = 1

  flow(spec: FlowSpec): Flow {
    const { name, items: itemSpecs, links: linkSpecs = [] } = spec
    const options = spec.retry === undefined ? {} : { retry: this.#retry(spec.retry) }
    const items = itemSpecs.map((item) => this.item(item))
    const links = linkSpecs.map((one) => this.#link(one))
    switch (spec.flow) {
      case 'linear':
        return linear(name, options, items)
      case 'unordered':
        return unordered(name, options, items)
      case 'graph':
        return graph(name, options, items, links)
      case 'targeted':
        return targeted(name, { ...options, target: spec.target ?? '' }, items, links)
    }
  }

  item(spec: ItemSpec): Item {
    return 'flow' in spec ? this.flow(spec) : this.#task(spec)
  }

  #task(spec: TaskSpec): Item {
    const { task: name, provides, execute = {}, revert = {}, ...options } = spec
    return task(name, {
      ...options,
      ...(provides !== undefined && {
        provides:
          typeof provides === 'object' && 'set' in provides ? new Set(provides.set) : provides,
      }),
      execute: (args: Record<string, unknown>) =>
        this.#behave(name, 'execute', { args, behaviour: execute }),
      revert: ({ failures, ...args }: Record<string, unknown>) =>
        this.#behave(name, 'revert', {
          args: { ...args, flow_failures: failures },
          behaviour: revert,
        }),
    })
  }

  #behave(
    atom: string,
    call: 'execute' | 'revert',
    { args, behaviour }: { args: Record<string, unknown>; behaviour: Behaviour },
  ): unknown {
    const key = `${atom} ${call}`
    const count = (this.#counts.get(key) ?? 0) + 1
    this.#counts.set(key, count)
    const entry = this.#note({ atom, call, args: noted(args) })
    if (behaviour.exitProcess?.phases.includes(this.phase)) {
      entry.outcome = 'process-killed'
      throw new ProcessDied()
    }
    if (fails(behaviour, args, count)) {
      const error = new Error(behaviour.fail?.message)
      error.name = behaviour.fail?.type ?? 'Error'
      entry.raises = `${error.name}: ${error.message}`
      throw error
    }
    const result = resultOf(behaviour, args)
    if (result !== null) entry.returns = result
    return result
  }

  #retry({ retry: kind, name, attempts, values = [], ...options }: RetrySpec): Retry {
    const made = {
      Times: () => times(name, { ...options, ...(attempts !== undefined && { attempts }) }),
      ForEach: () => forEach(name, { ...options, values }),
      ParameterizedForEach: () => parameterizedForEach(name, options),
      AlwaysRevert: () => alwaysRevert(name, options),
      AlwaysRevertAll: () => alwaysRevertAll(name, options),
    }
    return this.#noting(made[kind]())
  }

  #noting(retry: Retry): Retry {
    const { execute, onFailure, revert } = retry
    const atom = retry.name
    retry.execute = (values, context) => {
      const { history, ...args } = values
      const entry = this.#note({
        atom,
        call: 'retry.execute',
        ...argsOf(args),
        history: noted(history),
      })
      const result = execute.call(retry, values, context)
      if (result !== undefined && result !== null) entry.returns = result
      return result
    }
    retry.onFailure = (values, context) => {
      const { history, ...args } = values
      const entry = this.#note({
        atom,
        call: 'retry.on_failure',
        ...argsOf(args),
        history: noted(history),
      })
      const result = onFailure.call(retry, values, context)
      entry.returns = result
      return result
    }
    retry.revert = (values, context) => {
      const { history, failures, ...args } = values
      this.#note({
        atom,
        call: 'retry.revert',
        args: noted({ ...args, flow_failures: failures }),
        history: noted(history),
      })
      return revert.call(retry, values, context)
    }
    return retry
  }

  #link({ from, to, decider, depth }: LinkSpec): Link {
    if (decider === undefined) return link(from, to)
    return link(from, to, {
      ...(depth !== undefined && { depth }),
      decider: (history) => {
        const returns = decider.returns ?? isTrue(history[decider.atom ?? ''])
        this.#note({ call: 'decider', link: `${from}->${to}`, history: noted(history), returns })
        return returns
      },
    })
  }

  #note(call: Call): Call {
    const noted = this.phase === 1 ? call : { ...call, phase: this.phase }
    this.calls.push(noted)
    return noted
  }
}

function argsOf(args: Record<string, unknown>): { args?: unknown } {
  return Object.keys(args).length === 0 ? {} : { args: noted(args) }
}

/** Python's truth. */
function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  return Boolean(value)
}

function fails({ fail }: Behaviour, args: Record<string, unknown>, count: number): boolean {
  if (fail === undefined) return false
  if (fail.onCalls !== undefined) return fail.onCalls.includes(count)
  if (fail.whenArg !== undefined) return fail.in?.includes(args[fail.whenArg]) === true
  return true
}

function resultOf(behaviour: Behaviour, args: Record<string, unknown>): unknown {
  const { returnArg, returnConcat, returnSum } = behaviour
  if (returnArg !== undefined) return args[returnArg]
  if (returnConcat !== undefined) return returnConcat.map((name) => args[name]).join('')
  if (returnSum !== undefined) return returnSum.reduce((sum, name) => sum + Number(args[name]), 0)
  return behaviour.return ?? null
}

/** Failures as the scenarios write them: in histories as text, elsewhere as $failure. */
export function noted(value: unknown): unknown {
  if (value instanceof Failure) return { $failure: value.toString() }
  if (Array.isArray(value)) return isHistory(value) ? value.map(notedEntry) : value.map(noted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, noted(item)]))
}

function isHistory(value: readonly unknown[]): boolean {
  return value.every(
    (entry) =>
      Array.isArray(entry) &&
      entry.length === 2 &&
      typeof entry[1] === 'object' &&
      entry[1] !== null &&
      Object.values(entry[1]).every((failure) => failure instanceof Failure),
  )
}

function notedEntry(entry: unknown): unknown {
  const [value, failures] = entry as [unknown, Record<string, Failure>]
  const texts = Object.entries(failures).map(([name, failure]) => [name, failure.toString()])
  return [value, Object.fromEntries(texts)]
}
