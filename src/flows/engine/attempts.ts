import { encodeJson } from '../../codecs/json/json.ts'
import { textOfError } from '../../text-of-error.ts'
import { retryDelayMs } from '../atoms/retry.ts'
import { atomOf, type Node } from '../compilation/compile.ts'
import { Failure } from '../failures/failure.ts'
import { LeaseLost, StorageFailure } from '../failures/flow-errors.ts'
import type { Remotes } from '../remote/remote.ts'
import type { StoredSignal } from '../storage/flow-store.ts'
import { historyOf, newId } from '../storage/records.ts'
import type { AtomWait } from '../waits/flow-wait.ts'
import { notBeforeOf, type Parking } from '../waits/parking.ts'
import type { Ledger } from './ledger/ledger.ts'
import type { Resolver } from './resolver.ts'
import { type Action, type AtomRunner, STARTED } from './run-atom.ts'
import { mayExecute, mayRevert } from './states.ts'

/** An atom that was executed or reverted, and what came of it: a value or a `Failure`. */
export interface Done {
  readonly node: Node
  readonly action: Action
  readonly result: unknown
}

interface AttemptParts {
  readonly ledger: Ledger
  readonly resolver: Resolver
  readonly runner: AtomRunner
  readonly parking: Parking
  readonly now: () => number
  readonly remotes: Remotes | undefined
  /** Remote steps are waited for elsewhere. */
  readonly releases: boolean
  /** Results that have no form in JSON cannot be kept. */
  readonly isStoredAsJson: boolean
  readonly refuseLostLease: () => void
  /** The engine itself failed at an atom. */
  readonly onFailure: (failure: Failure) => void
}

interface Attempt {
  readonly action: Action
  /** What it has waited for. */
  readonly signal: StoredSignal | undefined
}

/** States of an atom whose process ended in the middle of it. */
export const CUT_OFF: ReadonlySet<string> = new Set(['RUNNING', 'REVERTING'])

/** The attempts at single atoms within a run: what each waits for, its execution or reversion, and its result. */
export class Attempts {
  readonly #parts: AttemptParts

  constructor(parts: AttemptParts) {
    this.#parts = parts
  }

  /** Runs the atom as it is meant to; undefined where it waits, or nothing is to be done any more. */
  async start(node: Node): Promise<Done | undefined> {
    const { ledger, resolver } = this.#parts
    const action = this.#actionOf(node)
    if (action === undefined) return undefined
    if (ledger.of(node).intention === 'RETRY') {
      resolver.restart(node)
      this.#delayRetry(node)
    }
    const wait = action === 'execute' ? this.#waitOf(node) : undefined
    if (wait !== undefined && !this.#parts.parking.isOver(wait)) {
      this.#parts.parking.park(node, wait)
      await ledger.flush()
      return undefined
    }
    const signal = wait?.signal === undefined ? undefined : this.#parts.parking.take(wait.signal)
    return await this.#perform(node, { action, signal })
  }

  /** By what it is to become; undefined where that has changed since it became ready. */
  #actionOf(node: Node): Action | undefined {
    const { kind, state, intention } = this.#parts.ledger.of(node)
    if (intention === 'EXECUTE')
      return mayExecute(kind, state) || state === 'RUNNING' ? 'execute' : undefined
    if (intention === 'RETRY') return mayRevert(state) ? 'execute' : undefined
    return intention === 'REVERT' && (mayRevert(state) || CUT_OFF.has(state)) ? 'revert' : undefined
  }

  #delayRetry(node: Node): void {
    const retry = atomOf(node)
    if (retry.kind !== 'retry' || retry.delay === undefined) return
    const record = this.#parts.ledger.touch(node)
    record.meta.notBefore = this.#parts.now() + retryDelayMs(retry.delay, historyOf(record).length)
  }

  /** What the atom must wait for before it runs; moments are kept with it, so that a restart waits no longer. */
  #waitOf(node: Node): AtomWait | undefined {
    const { ledger } = this.#parts
    const atom = atomOf(node)
    const record = ledger.of(node)
    const { attemptId } = record.meta
    const isElsewhere = record.meta.isStarted === true && this.#parts.releases
    if (isElsewhere && typeof attemptId === 'string') {
      return { signal: attemptId, until: record.meta.deadline as number | undefined }
    }
    if (atom.kind === 'task') {
      const { delayMs, waitsFor } = atom.options
      const spanMs = waitsFor?.timeoutMs ?? delayMs
      if (spanMs !== undefined && record.meta.notBefore === undefined) {
        ledger.touch(node).meta.notBefore = this.#parts.now() + spanMs
      }
      if (waitsFor !== undefined) return { signal: waitsFor.signal, until: notBeforeOf(record) }
    }
    const until = notBeforeOf(record)
    return until === undefined ? undefined : { until }
  }

  async #perform(node: Node, { action, signal }: Attempt): Promise<Done | undefined> {
    const { ledger, runner } = this.#parts
    const { meta } = ledger.touch(node)
    const isWaitedFor = meta.isStarted === true && meta.action === action
    if (meta.isStarted === true && !isWaitedFor) await this.#revoke(node)
    if (!isWaitedFor) {
      meta.attemptId = newId()
      delete meta.isStarted
    }
    meta.action = action
    meta.progress = 0
    ledger.changeState(node, action === 'execute' ? 'RUNNING' : 'REVERTING')
    await ledger.flush()
    try {
      const result = await runner.run(node, action, signal)
      this.#parts.refuseLostLease()
      if (signal !== undefined) ledger.useSignal(signal)
      if (result === STARTED) return await this.#parkStarted(node)
      return await this.#settle({ node, action, result: this.#storable(node, result) })
    } catch (error) {
      if (error instanceof LeaseLost || error instanceof StorageFailure) throw error
      this.#parts.onFailure(Failure.from(error))
      return undefined
    }
  }

  async #parkStarted(node: Node): Promise<undefined> {
    const wait = this.#waitOf(node)
    if (wait !== undefined) this.#parts.parking.park(node, wait)
    await this.#parts.ledger.flush()
  }

  async #revoke(node: Node): Promise<void> {
    const { attemptId } = this.#parts.ledger.of(node).meta
    if (typeof attemptId !== 'string') return
    this.#forget(node)
    await this.#parts.remotes?.revoke(attemptId)
  }

  /** Nothing waits any more for the signal that the work elsewhere is done. */
  #forget(node: Node): void {
    const { ledger } = this.#parts
    const { isStarted, attemptId } = ledger.of(node).meta
    if (isStarted === true && typeof attemptId === 'string') ledger.useSignal({ name: attemptId })
  }

  async #settle(done: Done): Promise<Done> {
    const { node, action, result } = done
    const { ledger } = this.#parts
    const { meta } = ledger.touch(node)
    meta.progress = 1
    this.#forget(node)
    delete meta.notBefore
    delete meta.isStarted
    ledger.settle(node, action, result)
    await ledger.flush()
    return done
  }

  /** A result that cannot be kept is a failure of the atom that made it. */
  #storable(node: Node, result: unknown): unknown {
    if (!this.#parts.isStoredAsJson || result instanceof Failure) return result
    try {
      encodeJson(result ?? null)
      return result
    } catch (cause) {
      const message = `the result of "${atomOf(node).name}" cannot be stored: ${textOfError(cause)}`
      return Failure.from(new TypeError(message, { cause }))
    }
  }
}
