import { randomUUID } from 'node:crypto'
import { type Logger, silentLogger } from '../../logger.ts'
import type { History } from '../atoms/retry.ts'
import type { Task } from '../atoms/task.ts'
import { atomOf, type Compilation, compile } from '../compilation/compile.ts'
import type { Failure } from '../failures/failure.ts'
import { InvalidState, NotFound } from '../failures/flow-errors.ts'
import type { Flow } from '../patterns/flow.ts'
import { historyOf } from '../storage/records.ts'
import type { FlowWait } from '../waits/flow-wait.ts'
import type { EngineOptions } from './engine-options.ts'
import type { Ledger } from './ledger/ledger.ts'
import { type Notices, Notifier } from './ledger/notifier.ts'
import { openLedger } from './ledger/open-ledger.ts'
import { Lookup } from './lookup.ts'
import { resumeFrom } from './resume-from.ts'
import { type LoopState, Run } from './run.ts'
import { type AtomState, ENDS, type FlowState, type Intention } from './states.ts'
import { Statistics, type StatisticsValues } from './statistics.ts'

interface AtomStatus {
  readonly name: string
  readonly kind: 'task' | 'retry'
  readonly state: AtomState
  readonly intention: Intention
}

/** Runs a flow: executes its atoms in order, retries and reverts them when one fails, resumes it where it was left. */
export class Engine {
  readonly flow: Flow | Task
  readonly flowId: string
  readonly #options: EngineOptions
  readonly #notifier: Notifier
  readonly #logger: Logger
  readonly #statistics = new Statistics()
  #compilation: Compilation | undefined
  #ledger: Ledger | undefined
  #run: Run | undefined
  #hasEnded = false
  readonly #id = randomUUID()

  constructor(flow: Flow | Task, options: EngineOptions = {}) {
    const { kind = 'serial' } = options
    if (kind !== 'serial' && kind !== 'parallel') {
      throw new InvalidState(`an engine's kind is "${String(kind)}", expected serial or parallel`)
    }
    const { maxWorkers = 1 } = options
    if (!(maxWorkers >= 1))
      throw new InvalidState(`maxWorkers is ${String(maxWorkers)}, expected a number from 1`)
    this.flow = flow
    this.flowId = options.flowId ?? randomUUID()
    this.#options = options
    this.#logger = options.logger ?? silentLogger
    this.#notifier = new Notifier(this.#logger)
  }

  get state(): FlowState {
    return this.#ledger?.flow.state ?? 'PENDING'
  }

  get statistics(): StatisticsValues {
    return this.#statistics.values()
  }

  /** The last run has come to an end that is stored: SUCCESS, REVERTED, or FAILURE. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** What a suspended run waits for. */
  get waitsFor(): FlowWait | undefined {
    return this.#ledger?.flow.meta.waitsFor as FlowWait | undefined
  }

  on<Type extends keyof Notices>(
    type: Type,
    listener: (notice: Notices[Type]) => void,
  ): () => void {
    return this.#notifier.on(type, listener)
  }

  /** Throws where the flow is built wrongly. */
  compile(): Compilation {
    this.#compilation ??= compile(this.flow)
    return this.#compilation
  }

  /** Reads what is stored of this run, or stores it for the first time. */
  async prepare(): Promise<void> {
    if (this.#ledger === undefined) this.#ledger = await this.#openLedger()
    const ledger = this.#ledger
    this.#takeBack(ledger)
    const { state, meta } = ledger.flow
    const { job } = this.#options
    this.#hasEnded = ENDS.has(state) && job !== undefined && meta.endedFor === job
    if (this.#hasEnded) return
    if (state === 'REVERTED') {
      for (const node of this.compile().atoms) ledger.reset(node)
      ledger.changeFlow('PENDING')
    } else if (RUNNING.has(state)) {
      // The process that ran it is gone.
      ledger.changeFlow('RESUMING')
      ledger.changeFlow('SUSPENDED')
    }
  }

  /** Throws MissingDependencies where an atom needs a symbol that nothing provides. */
  async validate(): Promise<void> {
    const ledger = await this.#prepared()
    new Lookup(this.compile(), ledger).validate()
  }

  /** Runs until the flow has ended or is suspended. Throws what made the flow fail or revert. */
  async run(): Promise<void> {
    for await (const _ of this.#states(false)) {
      // Only the end is reported.
    }
  }

  /** Runs step by step; `next(true)` and `return()` suspend. */
  runIter(): AsyncGenerator<LoopState | FlowState, void, unknown> {
    return this.#states(true)
  }

  async *#states(isWatched: boolean): AsyncGenerator<LoopState | FlowState, void, unknown> {
    if (this.#run !== undefined)
      throw new InvalidState(`flow "${this.flow.name}" runs in this engine already`)
    const run = new Run({
      compilation: this.compile(),
      flowId: this.flowId,
      options: this.#options,
      notifier: this.#notifier,
      statistics: this.#statistics,
      logger: this.#logger,
      isWatched,
    })
    this.#run = run
    try {
      await this.prepare()
      if (this.#hasEnded) return
      await this.validate()
      yield* run.states(await this.#prepared())
    } finally {
      this.#hasEnded ||= run.hasEnded
      this.#run = undefined
    }
  }

  /** Lets running atoms finish and starts no others; `run` resumes the flow later. */
  suspend(): void {
    this.#run?.suspend()
  }

  /** Gives a waiting step of this run its signal; it is kept until a step asks for it. */
  signal(name: string, value: unknown = null): void {
    if (this.#run === undefined)
      throw new InvalidState(`flow "${this.flow.name}" does not run: send the signal to its store`)
    this.#run.signal(name, value)
  }

  atoms(): AtomStatus[] {
    const ledger = this.#ledger
    return this.compile().atoms.map((node) => {
      const { name, kind } = atomOf(node)
      const record = ledger?.of(node)
      const { state, intention } = record ?? { state: 'PENDING', intention: 'EXECUTE' }
      return { name, kind, state, intention }
    })
  }

  /** Every symbol that the flow has produced, and the values it was given. */
  async fetchAll(): Promise<Record<string, unknown>> {
    return new Lookup(this.compile(), await this.#prepared()).fetchAll()
  }

  async fetch(symbol: string): Promise<unknown> {
    const values = await this.fetchAll()
    if (!Object.hasOwn(values, symbol)) throw new NotFound(`no atom has produced "${symbol}"`)
    return values[symbol]
  }

  /** What a retry has tried: one entry an attempt, the value it gave and what failed. */
  history(retry: string): History {
    const node = this.compile().byName.get(retry)
    if (node?.kind !== 'retry')
      throw new NotFound(`flow "${this.flow.name}" has no retry "${retry}"`)
    return this.#ledger === undefined ? [] : historyOf(this.#ledger.of(node))
  }

  /** Failures of atoms that have not been retried since. */
  failures(): Record<string, Failure> {
    return { ...this.#ledger?.failures() }
  }

  async #prepared(): Promise<Ledger> {
    this.#ledger ??= await this.#openLedger()
    return this.#ledger
  }

  /** Once a job, or once an engine: what has run again since stays. */
  #takeBack(ledger: Ledger): void {
    const { from, job = this.#id } = this.#options
    if (from === undefined || ledger.flow.meta.resumedFor === job) return
    resumeFrom(from, { compilation: this.compile(), ledger })
    ledger.setMeta({ resumedFor: job, endedFor: undefined })
  }

  async #openLedger(): Promise<Ledger> {
    return await openLedger({
      flow: this.flow,
      flowId: this.flowId,
      compilation: this.compile(),
      options: this.#options,
      notifier: this.#notifier,
      logger: this.#logger,
    })
  }
}

const RUNNING: ReadonlySet<FlowState> = new Set(['RUNNING', 'SUSPENDING', 'RESUMING'])

/** An engine for a flow, compiled and checked, with what is stored of its run. */
export async function loadFlow(flow: Flow | Task, options: EngineOptions = {}): Promise<Engine> {
  const engine = new Engine(flow, options)
  engine.compile()
  await engine.validate()
  return engine
}
