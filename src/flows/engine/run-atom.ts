import { randomUUID } from 'node:crypto'
import { startTimer, type Timer } from '../../async/timer.ts'
import type { Logger } from '../../logger.ts'
import type { Decision, Retry } from '../atoms/retry.ts'
import type { AtomContext, Task } from '../atoms/task.ts'
import { Failure } from '../failures/failure.ts'
import { historyOf } from '../storage/records.ts'
import type { Parking } from '../waits/parking.ts'
import { atomOf, type Node } from './compile.ts'
import type { Ledger } from './ledger.ts'
import type { Lookup } from './lookup.ts'
import type { Notifier } from './notifier.ts'

export type Action = 'execute' | 'revert'

/** The work was given to another process: its answer comes as a signal. */
export const STARTED = Symbol('started elsewhere')

export interface RunParts {
  readonly ledger: Ledger
  readonly lookup: Lookup
  readonly notifier: Notifier
  readonly signal: AbortSignal
  readonly log: Logger
}

/** Calls the functions of atoms with the values they ask for. */
export class AtomRunner {
  readonly #parts: RunParts

  constructor(parts: RunParts) {
    this.#parts = parts
  }

  /** Its result, or its Failure; rejects only where a post hook throws, which ends the engine's run. */
  async run(node: Node, action: Action, parking: Parking): Promise<unknown> {
    const atom = atomOf(node)
    if (atom.kind === 'retry') return await this.#attempt(() => this.#runRetry(node, atom, action))
    const { preExecute, postExecute, preRevert, postRevert } = atom.options
    const [before, after] =
      action === 'execute' ? [preExecute, postExecute] : [preRevert, postRevert]
    const result = await this.#attempt(async () => {
      if (before !== undefined) await before()
      return await this.#runTask(node, atom, { action, parking })
    })
    if (after !== undefined) await after()
    return result
  }

  async ask(node: Node, retry: Retry): Promise<Decision> {
    const last = historyOf(this.#parts.ledger.of(node)).at(-1)
    const { on } = retry
    if (on !== undefined && last !== undefined) {
      const isMeant = Object.values(last[1]).every((failure) => failure.check(...on) !== undefined)
      if (!isMeant) return retry.givenUp
    }
    return await retry.onFailure(this.#retryValues(node, 'execute'), this.#context(node))
  }

  async #attempt(run: () => Promise<unknown>): Promise<unknown> {
    try {
      return await run()
    } catch (error) {
      return Failure.from(error)
    }
  }

  async #runTask(
    node: Node,
    task: Task,
    { action, parking }: { readonly action: Action; readonly parking: Parking },
  ): Promise<unknown> {
    const { lookup, ledger } = this.#parts
    const context = this.#context(node)
    if (action === 'execute') {
      if (task.options.waitsFor !== undefined) return await received(task, parking)
      const values = lookup.argumentsOf(node, task.executeBinding)
      return await withTimeout(task, async () => await task.options.execute?.(values, context))
    }
    const values = lookup.argumentsOf(node, task.revertBinding)
    const { results, failure } = ledger.of(node)
    const revertValues = { ...values, result: failure ?? results, failures: ledger.failures() }
    return await task.options.revert?.(revertValues, context)
  }

  async #runRetry(node: Node, retry: Retry, action: Action): Promise<unknown> {
    const values = this.#retryValues(node, action)
    const context = this.#context(node)
    if (action === 'execute') return await retry.execute(values, context)
    return await retry.revert({ ...values, failures: this.#parts.ledger.failures() }, context)
  }

  #retryValues(node: Node, action: Action): Record<string, unknown> {
    const { executeBinding, revertBinding } = atomOf(node)
    const binding = action === 'execute' ? executeBinding : revertBinding
    const values = this.#parts.lookup.argumentsOf(node, binding)
    return { ...values, history: historyOf(this.#parts.ledger.of(node)) }
  }

  #context(node: Node): AtomContext {
    const { ledger, notifier, signal, log } = this.#parts
    const { name } = atomOf(node)
    return {
      atom: name,
      flowId: ledger.flow.id,
      flow: ledger.flow.name,
      attemptId: attemptIdOf(ledger.of(node).meta),
      signal,
      log,
      updateProgress: (progress, details) => {
        const clamped = Math.min(1, Math.max(0, progress))
        const { meta } = ledger.touch(node)
        meta.progress = clamped
        if (details !== undefined) meta.progress_details = { at_progress: clamped, details }
        notifier.notify('progress', { name, progress: clamped, details })
      },
    }
  }
}

/** The value of the signal that the step has waited for. */
async function received(task: Task, parking: Parking): Promise<unknown> {
  const { signal: name = '', timeoutMs = 0 } = task.options.waitsFor ?? {}
  const signal = parking.signal(name)
  if (signal === undefined) throw timeoutError(task, timeoutMs)
  await parking.consume(name)
  return signal.value
}

function attemptIdOf(meta: Readonly<Record<string, unknown>>): string {
  return typeof meta.attemptId === 'string' ? meta.attemptId : randomUUID()
}

async function withTimeout(task: Task, run: () => Promise<unknown>): Promise<unknown> {
  const { timeoutMs } = task.options
  if (timeoutMs === undefined) return await run()
  let timer: Timer | undefined
  const late = new Promise<never>((_, reject) => {
    timer = startTimer(timeoutMs, () => reject(timeoutError(task, timeoutMs)))
  })
  try {
    return await Promise.race([run(), late])
  } finally {
    timer?.clear()
  }
}

function timeoutError(task: Task, timeoutMs: number): Error {
  const error = new Error(`task "${task.name}" took longer than its timeout of ${timeoutMs} ms`)
  error.name = 'TimeoutError'
  return error
}
