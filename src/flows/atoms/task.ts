import type { Logger } from '../../logger.ts'
import { CompilationFailure } from '../failures/flow-errors.ts'
import { Atom, type AtomOptions, refuseNoNumber, type Values } from './atom.ts'

/** What a function of an atom can ask and report besides its arguments. */
export interface AtomContext {
  readonly atom: string
  readonly flowId: string
  readonly flow: string
  /** New for each run of execute or revert. */
  readonly attemptId: string
  /** Aborted when the run is to end: the lease was lost, or the step's timeout has passed. */
  readonly signal: AbortSignal
  readonly log: Logger
  /** From 0 to 1; stored with the atom and passed to listeners of `progress`. */
  updateProgress(progress: number, details?: Values): void
}

// Parameters come by name from other atoms; the builder of typed flows checks them, this level cannot.
// biome-ignore lint/suspicious/noExplicitAny: users destructure the values that they declared
export type AnyValues = any

export interface TaskOptions extends AtomOptions {
  readonly execute?: (values: AnyValues, context: AtomContext) => unknown
  readonly revert?: (values: AnyValues, context: AtomContext) => unknown
  /** An error here counts as a failure of the task. */
  readonly preExecute?: () => unknown
  /** Runs in any case; an error here ends the engine's run. */
  readonly postExecute?: () => unknown
  readonly preRevert?: () => unknown
  readonly postRevert?: () => unknown
  /** Wait this long before the task runs. */
  readonly delayMs?: number
  /** The task fails when it takes longer. */
  readonly timeoutMs?: number
  /** Made anew for each attempt of the task, and asked before it runs: wait for a signal or a moment. */
  readonly waitsFor?: WaitCondition
}

/** A task that waits for a signal of this name, at most so long. */
interface WaitCondition {
  readonly signal: string
  readonly timeoutMs?: number
}

/** The unit of work of a flow, and how to undo it. */
export class Task extends Atom {
  readonly kind = 'task'
  readonly options: TaskOptions

  constructor(name: string, options: TaskOptions) {
    super(name, options)
    for (const key of FUNCTIONS) {
      if (options[key] !== undefined && typeof options[key] !== 'function') {
        throw new CompilationFailure(
          `${key} of task "${name}" is ${typeof options[key]}, expected a function`,
        )
      }
    }
    refuseNoNumbers(name, options)
    this.options = options
  }
}

/** The result of a wrong calculation would be waited for without end. */
function refuseNoNumbers(name: string, { delayMs, timeoutMs, waitsFor }: TaskOptions): void {
  const given = { delayMs, timeoutMs, 'timeoutMs of the wait': waitsFor?.timeoutMs }
  for (const [key, value] of Object.entries(given)) refuseNoNumber(name, key, value)
}

const FUNCTIONS = [
  'execute',
  'revert',
  'preExecute',
  'postExecute',
  'preRevert',
  'postRevert',
] as const

/** A task from functions. */
export function task(name: string, options: TaskOptions = {}): Task {
  return new Task(name, options)
}

/** A task whose result is the list of what a function makes of each argument. */
export function mapTask(
  name: string,
  options: TaskOptions & {
    readonly args: readonly string[]
    readonly map: (value: AnyValues) => unknown
  },
): Task {
  if (options.args.length < 1)
    throw new CompilationFailure(`task "${name}" maps nothing: it has no args`)
  return new Task(name, {
    ...options,
    execute: async (values: Values) =>
      await Promise.all(options.args.map(async (arg) => await options.map(values[arg]))),
  })
}

/** A task whose result is its arguments taken together, two at a time, from the first to the last. */
export function reduceTask(
  name: string,
  options: TaskOptions & {
    readonly args: readonly string[]
    readonly reduce: (sum: AnyValues, value: AnyValues) => unknown
  },
): Task {
  const [first, ...others] = options.args
  if (first === undefined || others.length === 0) {
    throw new CompilationFailure(
      `task "${name}" reduces ${options.args.length} args, expected two or more`,
    )
  }
  return new Task(name, {
    ...options,
    execute: async (values: Values) => {
      let sum = values[first]
      for (const arg of others) sum = await options.reduce(sum, values[arg])
      return sum
    },
  })
}
