import { deferred } from '../../async/deferred.ts'
import type { Logger } from '../../logger.ts'
import { Failure } from '../failures/failure.ts'
import { LeaseLost, StorageFailure } from '../failures/flow-errors.ts'
import type { Remotes } from '../remote/remote.ts'
import type { FlowStore } from '../storage/flow-store.ts'
import { Parking } from '../waits/parking.ts'
import { Attempts, CUT_OFF, type Done } from './attempts.ts'
import { atomOf, type Compilation, type Node } from './compile.ts'
import type { Ledger } from './ledger.ts'
import { Lookup } from './lookup.ts'
import type { Notifier } from './notifier.ts'
import { Resolver } from './resolver.ts'
import { type Action, AtomRunner } from './run-atom.ts'
import { Selector } from './selector.ts'
import type { FlowState } from './states.ts'
import type { Statistics } from './statistics.ts'

export type LoopState = 'RESUMING' | 'SCHEDULING' | 'WAITING' | 'ANALYZING'

export interface RunOptions {
  readonly kind?: 'serial' | 'parallel' | undefined
  readonly deferReverts?: boolean | undefined
  readonly neverResolve?: boolean | undefined
  readonly maxWorkers?: number | undefined
  readonly waits?: 'hold' | 'release' | undefined
  readonly persist?: FlowStore | undefined
  readonly signal?: AbortSignal | undefined
  readonly now?: (() => number) | undefined
  readonly remotes?: Remotes | undefined
}

interface RunParts {
  readonly compilation: Compilation
  readonly flowId: string
  readonly options: RunOptions
  readonly notifier: Notifier
  readonly statistics: Statistics
  readonly logger: Logger
}

/** One run of an engine, from RUNNING to the flow's end or suspension. */
export class Run {
  readonly #parts: RunParts
  readonly #parking: Parking
  readonly #now: () => number
  readonly #abort: AbortSignal
  readonly #queue: Node[] = []
  readonly #running = new Set<Node>()
  readonly #failures: Failure[] = []
  #done: Done[] = []
  #progress = deferred()
  #crash: { readonly error: unknown } | undefined
  #isSuspendAsked = false
  #tools: Tools | undefined

  constructor(parts: RunParts) {
    this.#parts = parts
    this.#now = parts.options.now ?? Date.now
    this.#abort = parts.options.signal ?? new AbortController().signal
    this.#parking = new Parking(parts.flowId, parts.options.persist, this.#now)
  }

  suspend(): void {
    this.#isSuspendAsked = true
    this.#tools?.ledger.changeFlow('SUSPENDING')
    this.#queue.length = 0
    this.#parking.wake()
    this.#progress.resolve()
  }

  signal(name: string, value: unknown): void {
    this.#parking.receive(name, value)
  }

  async *states(ledger: Ledger): AsyncGenerator<LoopState | FlowState, void, unknown> {
    const { statistics } = this.#parts
    this.#tools = this.#makeTools(ledger)
    statistics.start()
    ledger.setMeta({ waitsFor: undefined })
    ledger.changeFlow('RUNNING')
    if (this.#isSuspendAsked) ledger.changeFlow('SUSPENDING')
    await ledger.flush()
    const steps = this.#steps()
    let isFinished = false
    try {
      for (let step = await steps.next(); step.done !== true; step = await steps.next()) {
        statistics.enter(step.value)
        const isAsked = yield step.value
        if (isAsked) this.suspend()
      }
      isFinished = true
    } catch (error) {
      isFinished = true
      throw error
    } finally {
      if (!isFinished) await this.#abandon(steps)
      statistics.end()
    }
    const state = await this.#conclude()
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

  async *#steps(): AsyncGenerator<LoopState> {
    yield 'RESUMING'
    await this.#parking.readSignals()
    let next = await this.#resume()
    for (;;) {
      yield 'SCHEDULING'
      await this.#schedule(next)
      if (this.#running.size > 0) {
        yield 'WAITING'
        await this.#wait()
      }
      yield 'ANALYZING'
      next = await this.#analyze()
      if (next.size > 0 && this.#mayGoOn()) continue
      if (this.#running.size > 0 || this.#done.length > 0) continue
      if (this.#parking.size === 0 || !this.#mayGoOn() || this.#parts.options.waits === 'release')
        return
      yield 'WAITING'
      next = await this.#holdWaits()
    }
  }

  /** Failures are resolved again, restarts finished, and atoms that were cut off are due at once. */
  async #resume(): Promise<Set<Node>> {
    const { ledger, resolver, selector } = this.#use()
    const { atoms } = this.#parts.compilation
    if (this.#parts.options.neverResolve !== true) await resolver.resume()
    const next = new Set(atoms.filter((node) => CUT_OFF.has(ledger.of(node).state)))
    for (const node of await selector.everywhere()) next.add(node)
    await ledger.flush()
    return next
  }

  /** The highest priority first, then as declared. */
  async #schedule(next: ReadonlySet<Node>): Promise<void> {
    if (!this.#mayGoOn()) return
    const batch = [...next].sort(
      (a, b) => atomOf(b).priority - atomOf(a).priority || a.declared - b.declared,
    )
    if (this.#parts.options.kind === 'parallel') {
      this.#queue.push(...batch)
      this.#pump()
      return
    }
    // A batch runs to its end, though one of it fails.
    for (const node of batch) await this.#start(node)
  }

  #pump(): void {
    const { maxWorkers = Number.POSITIVE_INFINITY } = this.#parts.options
    while (this.#running.size < maxWorkers) {
      const node = this.#queue.shift()
      if (node === undefined) return
      if (this.#running.has(node)) continue
      this.#running.add(node)
      this.#start(node)
        .catch((error: unknown) => {
          this.#crash ??= { error }
        })
        .finally(() => {
          this.#running.delete(node)
          this.#pump()
          this.#progress.resolve()
        })
    }
  }

  async #wait(): Promise<void> {
    while (this.#done.length === 0 && this.#running.size > 0 && this.#crash === undefined) {
      this.#progress = deferred()
      await this.#progress.promise
    }
    if (this.#crash !== undefined) throw this.#crash.error
  }

  async #start(node: Node): Promise<void> {
    const done = await this.#use().attempts.start(node)
    if (done === undefined) return
    this.#parts.statistics.completed += 1
    this.#done.push(done)
  }

  async #analyze(): Promise<Set<Node>> {
    const { ledger, selector } = this.#use()
    const next = new Set<Node>()
    const done = this.#done
    this.#done = []
    for (const { node, action, result } of done) {
      if (result instanceof Failure) await this.#resolve(node, action, result)
      if (this.#failures.length > 0) continue
      for (const ready of await selector.after(node)) next.add(ready)
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
      if (error instanceof LeaseLost || error instanceof StorageFailure) throw error
      this.#failures.push(Failure.from(error))
    }
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
    return this.#use().ledger.flow.state === 'RUNNING' && this.#failures.length === 0
  }

  async #conclude(): Promise<FlowState> {
    const { ledger, selector } = this.#use()
    const { atoms } = this.#parts.compilation
    const states = atoms.map((node) => ledger.of(node).state)
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
    const { reason } = this.#abort
    throw reason instanceof LeaseLost ? reason : new LeaseLost('the lease of this flow was lost')
  }

  #makeTools(ledger: Ledger): Tools {
    const { compilation, notifier, logger, options } = this.#parts
    const lookup = new Lookup(compilation, ledger)
    const runner = new AtomRunner({
      ledger,
      lookup,
      notifier,
      signal: this.#abort,
      log: logger,
      remotes: options.remotes,
      releases: options.waits === 'release',
    })
    const resolver = new Resolver(compilation, ledger, {
      ask: async (node, retry) => await runner.ask(node, retry),
      defersReverts: options.deferReverts ?? true,
    })
    const attempts = new Attempts({
      ledger,
      resolver,
      runner,
      parking: this.#parking,
      now: this.#now,
      remotes: options.remotes,
      isStoredAsJson: options.persist?.isEncoded === true,
      refuseLostLease: () => this.#refuseLostLease(),
      onFailure: (failure) => this.#failures.push(failure),
    })
    return { ledger, attempts, resolver, selector: new Selector(compilation, ledger) }
  }

  #use(): Tools {
    if (this.#tools === undefined) throw new Error('the run has not begun')
    return this.#tools
  }
}

interface Tools {
  readonly ledger: Ledger
  readonly attempts: Attempts
  readonly resolver: Resolver
  readonly selector: Selector
}
