import { startTimer, type Timer } from '../../../async/timer.ts'
import type { Logger } from '../../../logger.ts'
import { noteChildren } from '../../../tasks/calls/current-request.ts'
import { takeFollowups } from '../../../tasks/calls/followups.ts'
import { TimeLimitExceeded, WorkerLostError } from '../../../tasks/signals.ts'
import { activeTrace } from '../../../telemetry/traces/trace-run.ts'
import type { Outcome } from '../../outcomes/outcome.ts'
import type { PoolCall, PoolRun, Termination } from '../pool.ts'
import { fromBorder, toBorder } from './border-values.ts'
import type { Child, ChildExit } from './child.ts'
import type { FromChild, RunEnd } from './messages.ts'

interface ChildRunParts {
  readonly call: PoolCall
  /** What it is called on the way to the child and back. */
  readonly number: number
  /** It is over although its function may keep running: the child that runs it, where it has one, has to go. */
  readonly onCut: (run: ChildRun) => void
  /** Another child will be needed in its place soon. */
  readonly onAtRisk: (run: ChildRun) => void
}

/** A child is started in time, but not for each short task. */
const PREPARE_BEFORE_S = 5
const PREPARE_AFTER_S = 0.25

/** One run in a child: it begins once a child is free. */
export class ChildRun implements PoolRun {
  readonly outcome: Promise<Outcome>
  readonly number: number
  readonly #parts: ChildRunParts
  /** Of the run's span: by the time a child is free, another one may be active. */
  readonly #trace = activeTrace()
  #conclude: (outcome: Outcome) => void = () => undefined
  #isOver = false
  #child: Child | undefined
  #timers: Timer[] = []
  #startedAt = performance.now()

  constructor(parts: ChildRunParts) {
    this.#parts = parts
    this.number = parts.number
    this.outcome = new Promise((resolve) => {
      this.#conclude = (outcome) => {
        this.#isOver = true
        for (const timer of this.#timers) timer.clear()
        resolve(outcome)
      }
    })
  }

  get pid(): number {
    return this.#child?.pid ?? process.pid
  }

  get logger(): Logger {
    return this.#parts.call.environment.logger
  }

  get isOver(): boolean {
    return this.#isOver
  }

  begin(child: Child): void {
    this.#child = child
    this.#startedAt = performance.now()
    const { request, environment } = this.#parts.call
    const { softTimeLimit: soft, timeLimit: hard } = environment.limits
    child.send({
      kind: 'run',
      call: this.number,
      request: toBorder(request),
      soft,
      trace: this.#trace,
    })
    if (hard === null || hard <= 0) return
    this.#after(hard, () => this.#timeOut(hard))
    const prepareAt = Math.max(PREPARE_AFTER_S, hard - PREPARE_BEFORE_S)
    if (prepareAt < hard) this.#after(prepareAt, () => this.#parts.onAtRisk(this))
  }

  /** The child wants something done that only the worker can do. */
  async answer({ what, args }: FromChild & { readonly kind: 'ask' }): Promise<unknown> {
    const { environment } = this.#parts.call
    // Each side is written beside the other: remote-environment.ts asks.
    const given = fromBorder(args) as never
    switch (what) {
      case 'saveState':
        return await environment.saveState(...(given as [string, unknown]))
      case 'sendEvent':
        return await environment.sendEvent(...(given as [string, Record<string, never>]))
      case 'addToChord':
        return (await environment.addToChord(...(given as [never]))).id
    }
  }

  end(end: RunEnd): void {
    if (this.#isOver) return
    const { request, task } = this.#parts.call
    noteChildren(request, end.children as never) // nodes, as the child noted them
    if (end.isHandedOver) takeFollowups(request)
    const { outcome, expected } = end
    const type = task.options.throwsExpected?.[expected]
    if (outcome.kind === 'failure' && type !== undefined && outcome.error instanceof Error) {
      // Of the class that the task names, as it was where it was thrown.
      Object.setPrototypeOf(outcome.error, type.prototype)
    }
    this.#conclude(outcome)
  }

  /** Its child died. */
  lost({ status, error }: ChildExit): void {
    const cause = error === undefined ? {} : { cause: error }
    const message = `Worker exited prematurely: ${status} Job: ${this.number}.`
    this.fail(new WorkerLostError(message, cause))
  }

  fail(error: unknown): void {
    this.#conclude({ kind: 'failure', error, runtimeMs: this.#runtimeMs() })
  }

  abandon(): void {
    this.#cut({ kind: 'abandoned' })
  }

  terminate({ signum }: Termination): void {
    this.#cut({ kind: 'revoked', reason: 'terminated', signum })
  }

  #timeOut(seconds: number): void {
    const error = new TimeLimitExceeded(seconds)
    this.#cut({ kind: 'failure', error, runtimeMs: this.#runtimeMs() })
  }

  #cut(outcome: Outcome): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#parts.onCut(this)
    this.#conclude(outcome)
  }

  #after(seconds: number, act: () => void): void {
    this.#timers.push(startTimer(seconds * 1_000, act))
  }

  #runtimeMs(): number {
    return performance.now() - this.#startedAt
  }
}
