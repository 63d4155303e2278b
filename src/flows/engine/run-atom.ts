import { randomUUID } from 'node:crypto'
import { startTimer, type Timer } from '../../async/timer.ts'
import type { Logger } from '../../logger.ts'
import { type Decision, isOurs, type Retry, snapshot } from '../atoms/retry.ts'
import type { AtomContext, Task } from '../atoms/task.ts'
import { atomOf, type Node } from '../compilation/compile.ts'
import { Failure } from '../failures/failure.ts'
import { failureOf } from '../remote/celery-remotes.ts'
import { isRemote, type RemoteFunction, type Remotes } from '../remote/remote.ts'
import type { StoredSignal } from '../storage/flow-store.ts'
import { historyOf } from '../storage/records.ts'
import type { Ledger } from './ledger/ledger.ts'
import type { Notifier } from './ledger/notifier.ts'
import type { Lookup } from './lookup.ts'

export type Action = 'execute' | 'revert'

/** The work was given to another process: its answer comes as a signal. */
export const STARTED = Symbol('started elsewhere')

interface RunParts {
  readonly ledger: Ledger
  readonly lookup: Lookup
  readonly notifier: Notifier
  readonly signal: AbortSignal
  readonly log: Logger
  readonly remotes: Remotes | undefined
  /** Remote steps are waited for elsewhere. */
  readonly releases: boolean
}

/** Calls the functions of atoms with the values they ask for. */
export class AtomRunner {
  readonly #parts: RunParts

  constructor(parts: RunParts) {
    this.#parts = parts
  }

  /** Its result, or its Failure; rejects only where a post hook throws, which ends the engine's run. */
  async run(node: Node, action: Action, signal?: StoredSignal): Promise<unknown> {
    const atom = atomOf(node)
    if (atom.kind === 'retry') return await this.#attempt(() => this.#runRetry(node, atom, action))
    const { preExecute, postExecute, preRevert, postRevert } = atom.options
    const [before, after] =
      action === 'execute' ? [preExecute, postExecute] : [preRevert, postRevert]
    const result = await this.#attempt(async () => {
      if (before !== undefined) await before()
      return await this.#runTask(node, atom, { action, signal })
    })
    if (after !== undefined) await after()
    return result
  }

  async ask(node: Node, retry: Retry): Promise<Decision> {
    const last = historyOf(this.#parts.ledger.of(node)).at(-1)
    const { on } = retry
    if (on !== undefined && last !== undefined) {
      const isMatch = Object.values(last[1]).every((failure) => failure.check(...on) !== undefined)
      if (!isMatch) return retry.givenUp
    }
    const values = this.#retryValues(node, 'execute')
    const history = historyOf(this.#parts.ledger.of(node))
    const asked = isOurs(retry) ? values : { ...values, history: snapshot(history) }
    return await retry.onFailure(asked, this.#context(node))
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
    { action, signal }: { readonly action: Action; readonly signal: StoredSignal | undefined },
  ): Promise<unknown> {
    const { lookup, ledger } = this.#parts
    const context = this.#context(node)
    if (action === 'execute') {
      if (task.options.waitsFor !== undefined) return received(task, signal)
      const values = lookup.argumentsOf(node, task.executeBinding)
      const { execute } = task.options
      if (isRemote(execute)) return await this.#runRemote(node, execute, { action, values })
      if (task.options.timeoutMs === undefined) return await execute?.(values, context)
      return await withTimeout(task, async () => await execute?.(values, context))
    }
    const values = lookup.argumentsOf(node, task.revertBinding)
    const { results, failure } = ledger.of(node)
    const revertValues = withFailures({ ...values, result: failure ?? results }, ledger)
    const { revert } = task.options
    if (isRemote(revert))
      return await this.#runRemote(node, revert, { action, values: revertValues })
    return await revert?.(revertValues, context)
  }

  /** The call is published once an attempt; a run that is resumed after a crash waits for the answer of the same attempt. */
  async #runRemote(
    node: Node,
    run: RemoteFunction,
    { action, values }: RemoteRun,
  ): Promise<unknown> {
    const { ledger, remotes, releases, signal } = this.#parts
    if (remotes === undefined) return run(values, this.#context(node))
    const { meta } = ledger.touch(node)
    const attemptId = attemptIdOf(meta)
    if (meta.isStarted !== true) {
      const { flow } = ledger
      const call = {
        ...run.remote,
        attemptId,
        flowId: flow.id,
        flow: flow.name,
        atom: atomOf(node).name,
        action,
        values,
      }
      const parentId = ledger.attemptBefore(node) ?? flow.id
      await withTimeout(atomOf(node) as Task, async () => {
        await remotes.start({ ...call, parentId }, signal)
      })
      meta.isStarted = true
      meta.deadline = deadlineOf(node)
      await ledger.flush()
    }
    const answer = await remotes.peek(attemptId)
    if (answer !== undefined) return resultOf(answer)
    if (releases && leftMs(meta.deadline) !== 0) return STARTED
    return await this.#awaitRemote(remotes, attemptId, {
      task: atomOf(node) as Task,
      leftMs: releases ? 0 : leftMs(meta.deadline),
    })
  }

  async #awaitRemote(
    remotes: Remotes,
    attemptId: string,
    { task, leftMs }: { readonly task: Task; readonly leftMs: number | undefined },
  ): Promise<unknown> {
    const { signal } = this.#parts
    try {
      if (leftMs === 0) throw timeoutError(task)
      return await withTimeout(task, async () => await remotes.outcome(attemptId, signal), leftMs)
    } catch (error) {
      if (error instanceof Error && error.name === 'TimeoutError') await remotes.revoke(attemptId)
      throw failureOf(error)
    }
  }

  async #runRetry(node: Node, retry: Retry, action: Action): Promise<unknown> {
    const values = this.#retryValues(node, action)
    const context = this.#context(node)
    if (action === 'execute') return await retry.execute(values, context)
    return await retry.revert(withFailures(values, this.#parts.ledger), context)
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

/** A revert has failures of its own, which may be thousands: they are copied for those reverts that read them. */
function withFailures(values: Record<string, unknown>, ledger: Ledger): Record<string, unknown> {
  const failures = ledger.failures()
  let own: Record<string, Failure> | undefined
  return Object.defineProperty(values, 'failures', {
    enumerable: true,
    configurable: true,
    get: () => {
      own ??= { ...failures }
      return own
    },
  })
}

/** The value of the signal that the step has waited for. */
function received(task: Task, signal: StoredSignal | undefined): unknown {
  if (signal === undefined) throw timeoutError(task)
  return signal.value
}

function attemptIdOf(meta: Readonly<Record<string, unknown>>): string {
  return typeof meta.attemptId === 'string' ? meta.attemptId : randomUUID()
}

interface RemoteRun {
  readonly action: Action
  readonly values: Readonly<Record<string, unknown>>
}

function resultOf(answer: { readonly value: unknown } | { readonly error: unknown }): unknown {
  if ('error' in answer) throw failureOf(answer.error)
  return answer.value
}

/** When a remote step is too late; kept with the attempt, so that a restart grants no more time. */
function deadlineOf(node: Node): number | undefined {
  const { timeoutMs } = (atomOf(node) as Task).options
  return timeoutMs === undefined ? undefined : Date.now() + timeoutMs
}

function leftMs(deadline: unknown): number | undefined {
  return typeof deadline === 'number' ? Math.max(0, deadline - Date.now()) : undefined
}

async function withTimeout(
  task: Task,
  run: () => Promise<unknown>,
  leftMs = task.options.timeoutMs,
): Promise<unknown> {
  if (leftMs === undefined) return await run()
  let timer: Timer | undefined
  const late = new Promise<never>((_, reject) => {
    timer = startTimer(leftMs, () => reject(timeoutError(task)))
  })
  try {
    return await Promise.race([run(), late])
  } finally {
    timer?.clear()
  }
}

function timeoutError(task: Task): Error {
  const timeoutMs = task.options.waitsFor?.timeoutMs ?? task.options.timeoutMs ?? 0
  const error = new Error(`task "${task.name}" took longer than its timeout of ${timeoutMs} ms`)
  error.name = 'TimeoutError'
  return error
}
