import type { Logger } from '../../logger.ts'
import { byPriority, type Compilation, type Node } from '../compilation/compile.ts'
import { Failure } from '../failures/failure.ts'
import { LeaseLost, StorageFailure } from '../failures/flow-errors.ts'
import { Parking } from '../waits/parking.ts'
import { CUT_OFF, type Done } from './attempts.ts'
import type { Ledger } from './ledger/ledger.ts'
import type { Notifier } from './ledger/notifier.ts'
import { Pool } from './pool.ts'
import type { Action } from './run-atom.ts'
import { type RunOptions, type RunTools, runTools } from './run-tools.ts'
import { ENDS, type FlowState } from './states.ts'
import type { Statistics } from './statistics.ts'

export type LoopState = 'RESUMING' | 'SCHEDULING' | 'WAITING' | 'ANALYZING'

interface RunParts {
  readonly compilation: Compilation
  readonly flowId: string
  readonly options: RunOptions
  readonly notifier: Notifier
  readonly statistics: Statistics
  readonly logger: Logger
  /** Someone looks at each state of the loop, and not only at the end. */
  readonly isWatched: boolean
}

/** One run of an engine, from RUNNING to the flow's end or suspension. */
export class Run {
  readonly #parts: RunParts
  readonly #parking: Parking
  readonly #now: () => number
  readonly #abort: AbortSignal
  readonly #pool: Pool
  readonly #failures: Failure[] = []
  readonly #done: Done[] = []
  #isSuspendAsked = false
  #hasEnded = false
  #tools: RunTools | undefined

  constructor(parts: RunParts) {
    this.#parts = parts
    this.#now = parts.options.now ?? Date.now
    this.#abort = parts.options.signal ?? new AbortController().signal
    this.#pool = new Pool({
      most: parts.options.maxWorkers ?? Number.POSITIVE_INFINITY,
      start: async (node) => await this.#start(node),
    })
    this.#parking = new Parking(parts.flowId, parts.options.persist, this.#now)
  }

  /** The flow has come to its end, and that is stored. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  suspend(): void {
    this.#isSuspendAsked = true
    this.#tools?.ledger.changeFlow('SUSPENDING')
    this.#pool.clear()
    this.#wake()
  }

  signal(name: string, value: unknown): void {
    this.#parking.receive(name, value)
  }

  async *states(ledger: Ledger): AsyncGenerator<LoopState | FlowState, void, unknown> {
    const { statistics } = this.#parts
    this.#tools = runTools(ledger, {
      ...this.#parts,
      parking: this.#parking,
      signal: this.#abort,
      now: this.#now,
      refuseLostLease: () => this.#refuseLostLease(),
      onFailure: (failure) => this.#failures.push(failure),
    })
    statistics.start()
    ledger.setMeta({ waitsFor: undefined, endedFor: undefined })
    ledger.changeFlow('RUNNING')
    if (this.#isSuspendAsked) ledger.changeFlow('SUSPENDING')
    await ledger.flush()
    const steps = this.#steps()
    let isFinished = false
    const onLost = (): void => this.#wake()
    this.#abort.addEventListener('abort', onLost, { once: true })
    try {
      for (let step = await steps.next(); step.done !== true; step = await steps.next()) {
        const isAsked = yield step.value
        if (isAsked) this.suspend()
      }
      isFinished = true
    } catch (error) {
      isFinished = true
      await this.#rest()
      throw error
    } finally {
      this.#abort.removeEventListener('abort', onLost)
      if (!isFinished) await this.#abandon(steps)
      statistics.end()
    }
    const state = await this.#conclude()
    this.#hasEnded = ENDS.has(state)
    yield state
    this.#throwFailures(state)
  }

  /** The iterator was closed early: what runs may finish, and the flow is suspended. */
  async #abandon(steps: AsyncGenerator<LoopState>): Promise<void> {
    this.suspend()
    for await (const _ of steps) {
      // Until all is at rest.
    }
    await this.#conclude()
  }

  /** After an error of the engine: what runs ends before another run may begin. A lost lease is not waited for. */
  async #rest(): Promise<void> {
    this.#pool.clear()
    while (this.#pool.size > 0 && !this.#abort.aborted) await this.#pool.changed()
  }

  /** States in the loop are yielded where someone watches: through all callers that costs more than an atom's run. */
  async *#steps(): AsyncGenerator<LoopState> {
    const { isWatched } = this.#parts
    yield this.#entered('RESUMING')
    await this.#parking.readSignals()
    let next = await this.#resume()
    for (;;) {
      const scheduling = this.#entered('SCHEDULING')
      if (isWatched) yield scheduling
      await this.#schedule(next)
      const waiting = this.#entered('WAITING')
      if (isWatched) yield waiting
      await this.#wait()
      this.#pool.refuseCrash()
      const analyzing = this.#entered('ANALYZING')
      if (isWatched) yield analyzing
      next = await this.#analyze()
      if (this.#hasWork(next)) continue
      if (!this.#mayHold()) return
      yield this.#entered('WAITING')
      next = await this.#holdWaits()
    }
  }

  #entered(state: LoopState): LoopState {
    this.#parts.statistics.enter(state)
    return state
  }

  #hasWork(next: ReadonlySet<Node>): boolean {
    if (next.size > 0 && this.#mayGoOn()) return true
    return this.#pool.size > 0 || this.#done.length > 0 || this.#pool.isCrashed
  }

  /** Nothing is left but what waits. */
  #mayHold(): boolean {
    return this.#parking.size > 0 && this.#mayGoOn() && this.#parts.options.waits !== 'release'
  }

  /** Failures are resolved again, restarts finished, and atoms that were cut off are due at once. */
  async #resume(): Promise<Set<Node>> {
    const { ledger, resolver, selector } = this.#use()
    const { atoms } = this.#parts.compilation
    const next = new Set<Node>()
    try {
      if (this.#parts.options.neverResolve !== true) await resolver.resume()
      for (const node of atoms) if (CUT_OFF.has(ledger.of(node).state)) next.add(node)
      for (const node of await selector.everywhere()) next.add(node)
    } catch (error) {
      this.#fail(error)
    }
    await ledger.flush()
    return next
  }

  async #schedule(next: ReadonlySet<Node>): Promise<void> {
    if (!this.#mayGoOn()) return
    const batch = [...next].sort(byPriority)
    if (this.#parts.options.kind === 'parallel') {
      this.#pool.add(batch)
      return
    }
    // A batch runs to its end, though one of it fails.
    for (const node of batch) await this.#start(node)
  }

  async #wait(): Promise<void> {
    while (this.#done.length === 0 && this.#pool.size > 0 && !this.#pool.isCrashed) {
      this.#refuseLostLease()
      await this.#pool.changed()
    }
  }

  #wake(): void {
    this.#parking.wake()
    this.#pool.wake()
  }

  async #start(node: Node): Promise<void> {
    const done = await this.#use().attempts.start(node)
    if (done === undefined) return
    this.#parts.statistics.completed += 1
    this.#done.push(done)
  }

  async #analyze(): Promise<Set<Node>> {
    const { ledger, resolver, selector } = this.#use()
    const next = new Set<Node>()
    const done = this.#done.splice(0)
    // Failures first: no decider is asked about what they revert.
    resolver.begin()
    for (const { node, action, result } of done)
      if (result instanceof Failure) await this.#resolve(node, action, result)
    try {
      const nodes = done.map(({ node }) => node)
      if (this.#failures.length === 0) await selector.addAfter(nodes, next)
    } catch (error) {
      this.#fail(error)
    }
    await ledger.flush()
    return next
  }

  async #resolve(node: Node, action: Action, failure: Failure): Promise<void> {
    const { resolver } = this.#use()
    if (action === 'revert' || this.#parts.options.neverResolve === true) {
      this.#failures.push(failure)
      return
    }
    try {
      await resolver.resolve(node, failure)
      this.#parts.statistics.discardedFailures += 1
    } catch (error) {
      this.#fail(error)
    }
  }

  /** The engine itself failed, e.g. a decider or a retry's onFailure: the flow ends in FAILURE. */
  #fail(error: unknown): void {
    if (error instanceof LeaseLost || error instanceof StorageFailure) throw error
    this.#failures.push(Failure.from(error))
  }

  async #holdWaits(): Promise<Set<Node>> {
    for (;;) {
      const due = this.#parking.takeDue()
      if (due.length > 0 || !this.#mayGoOn()) return new Set(due)
      await this.#parking.hold()
      this.#refuseLostLease()
    }
  }

  #mayGoOn(): boolean {
    this.#refuseLostLease()
    return (
      this.#use().ledger.flow.state === 'RUNNING' &&
      this.#failures.length === 0 &&
      !this.#pool.isCrashed
    )
  }

  async #conclude(): Promise<FlowState> {
    const { ledger, selector } = this.#use()
    const states = this.#parts.compilation.atoms.map((node) => ledger.of(node).state)
    this.#parts.statistics.incomplete = states.filter((state) => state !== 'SUCCESS').length
    if (this.#failures.length > 0) ledger.changeFlow('FAILURE')
    else if (this.#parking.size > 0 || selector.isWorkLeft()) {
      ledger.setMeta({ waitsFor: this.#parking.size > 0 ? this.#parking.wait : undefined })
      ledger.changeFlow('SUSPENDING')
      ledger.changeFlow('SUSPENDED')
    } else {
      const isSuccess = states.every((state) => state === 'SUCCESS' || state === 'IGNORE')
      ledger.changeFlow(isSuccess ? 'SUCCESS' : 'REVERTED')
    }
    if (ENDS.has(ledger.flow.state)) ledger.setMeta({ endedFor: this.#parts.options.job })
    await ledger.flush()
    return ledger.flow.state
  }

  #throwFailures(state: FlowState): void {
    if (state === 'SUCCESS' || state === 'SUSPENDED') return
    const { ledger } = this.#use()
    if (this.#failures.length > 0) Failure.rethrowAny(this.#failures)
    Failure.rethrowAny([...Object.values(ledger.failures()), ...ledger.revertFailures()])
  }

  #refuseLostLease(): void {
    if (!this.#abort.aborted) return
    throw new LeaseLost('the lease of this flow was lost', { cause: this.#abort.reason })
  }

  #use(): RunTools {
    if (this.#tools === undefined) throw new Error('the run has not begun')
    return this.#tools
  }
}
