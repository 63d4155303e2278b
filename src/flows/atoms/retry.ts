import { isDeepStrictEqual } from 'node:util'
import { backoffDelayMs } from '../../async/backoff.ts'
import type { Failure } from '../failures/failure.ts'
import { CompilationFailure, NotFound } from '../failures/flow-errors.ts'
import { Atom, type AtomOptions, refuseNoNumber } from './atom.ts'
import type { AnyValues, AtomContext } from './task.ts'

/** One entry an execute: the value it provided, and what failed after it. */
export type History = readonly HistoryEntry[]
type HistoryEntry = readonly [value: unknown, failures: Readonly<Record<string, Failure>>]

/** RETRY its flow, REVERT it and ask the parent's retry, or REVERT_ALL of the whole flow. */
export type Decision = 'RETRY' | 'REVERT' | 'REVERT_ALL'

export interface RetryOptions extends AtomOptions {
  /** Where the retry has no more attempts: undo the whole flow, without asking the parent's retry. */
  readonly revertAll?: boolean | undefined
  /** How long to wait before an attempt after a failed one. */
  readonly delay?: RetryDelay | undefined
  /** Only for these errors, by name; anything else reverts. Default: all. */
  readonly on?: readonly string[] | undefined
}

interface RetryDelay {
  readonly delayMs: number
  /** The delay grows by this factor each time. Default 1. */
  readonly backoff?: number
  readonly maxDelayMs?: number
  readonly jitter?: boolean
}

/** Decides what becomes of its flow when an atom in it fails. Extend it for a rule of your own. */
export class Retry extends Atom {
  readonly kind = 'retry'
  readonly revertAll: boolean
  readonly delay: RetryDelay | undefined
  readonly on: readonly string[] | undefined

  constructor(name: string, options: RetryOptions = {}) {
    super(name, options)
    const { delayMs, backoff, maxDelayMs } = options.delay ?? {}
    for (const [key, value] of Object.entries({ delayMs, backoff, maxDelayMs }))
      refuseNoNumber(name, key, value)
    this.revertAll = options.revertAll ?? false
    this.delay = options.delay
    this.on = options.on
  }

  /** Its result is provided to the flow. */
  execute(_values: AnyValues, _context: AtomContext): unknown {
    return undefined
  }

  onFailure(_values: AnyValues, _context: AtomContext): Decision | Promise<Decision> {
    return this.givenUp
  }

  revert(_values: AnyValues, _context: AtomContext): unknown {
    return undefined
  }

  get givenUp(): Decision {
    return this.revertAll ? 'REVERT_ALL' : 'REVERT'
  }
}

class Times extends Retry {
  readonly attempts: number

  constructor(name: string, { attempts = 1, ...options }: RetryOptions & { attempts?: number }) {
    super(name, options)
    if (!Number.isInteger(attempts) || attempts < 1) {
      throw new CompilationFailure(
        `attempts of retry "${name}" is ${attempts}, expected a whole number from 1`,
      )
    }
    this.attempts = attempts
  }

  override execute({ history }: { history: History }): number {
    return history.length + 1
  }

  override onFailure({ history }: { history: History }): Decision {
    return history.length < this.attempts ? 'RETRY' : this.givenUp
  }
}

class ForEach extends Retry {
  readonly values: readonly unknown[] | undefined

  constructor(name: string, values: readonly unknown[] | undefined, options: RetryOptions) {
    super(name, options)
    this.values = values
  }

  override execute(given: AnyValues): unknown {
    const [next] = this.#left(given)
    if (next === undefined) throw new NotFound(`retry "${this.name}" has no values left to try`)
    return next.value
  }

  override onFailure(given: AnyValues): Decision {
    return this.#left(given).length > 0 ? 'RETRY' : this.givenUp
  }

  /** Each tried value takes one equal value away, boxed as a value may be undefined. */
  #left({ history, values }: { history: History; values?: unknown }): { value: unknown }[] {
    const all = this.values ?? values
    if (typeof all !== 'object' || all === null || !(Symbol.iterator in all)) {
      throw new NotFound(`the values of retry "${this.name}" are not a list`)
    }
    const left = [...(all as Iterable<unknown>)].map((value) => ({ value }))
    for (const [tried] of history) {
      const at = left.findIndex(({ value }) => isDeepStrictEqual(value, tried))
      if (at >= 0) left.splice(at, 1)
    }
    return left
  }
}

/** So many attempts; provides the attempt's number, from 1. */
export function times(
  name: string,
  options: RetryOptions & { readonly attempts?: number } = {},
): Retry {
  return new Times(name, options)
}

/** One attempt a value, which it provides. */
export function forEach(
  name: string,
  { values, ...options }: RetryOptions & { readonly values: readonly unknown[] },
): Retry {
  return new ForEach(name, values, options)
}

/** One attempt a value of the list that the symbol `values`, or what it is rebound to, holds. */
export function parameterizedForEach(name: string, options: RetryOptions = {}): Retry {
  return new ForEach(name, undefined, { ...options, args: ['values', ...(options.args ?? [])] })
}

export function alwaysRevert(name: string, options: RetryOptions = {}): Retry {
  return new Retry(name, { ...options, revertAll: false })
}

export function alwaysRevertAll(name: string, options: RetryOptions = {}): Retry {
  return new Retry(name, { ...options, revertAll: true })
}

/** How long to wait before the next attempt, after so many failed ones. */
export function retryDelayMs(delay: RetryDelay, failed: number): number {
  const { delayMs, backoff = 1, maxDelayMs = Number.MAX_SAFE_INTEGER, jitter = false } = delay
  const policy = {
    initialMs: delayMs,
    factor: backoff,
    maxMs: maxDelayMs,
    jitter: jitter ? 0.5 : 0,
  }
  return backoffDelayMs(policy, failed)
}

/** The failures of a history of one of these types. */
export function causedBy(history: History, type: string, index?: number): boolean {
  const entries = index === undefined ? history : history.slice(index, index + 1)
  return entries.some(([, failures]) =>
    Object.values(failures).some((failure) => failure.check(type) !== undefined),
  )
}

/** Whether it is one of the five above, which keep no history that they are given. */
export function isOurs(retry: Retry): boolean {
  const made = retry.constructor
  return made === Retry || made === Times || made === ForEach
}

/** A history that stays as it is while more failures are noted in the last entry. */
export function snapshot(history: History): History {
  return history.map(([value, failures]) => [value, { ...failures }])
}
