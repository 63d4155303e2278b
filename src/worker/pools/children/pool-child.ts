import { asError } from '../../../as-error.ts'
import { startTimer } from '../../../async/timer.ts'
import type { Logger } from '../../../logger.ts'
import { fromBorder, toBorder } from './border-values.ts'
import type { Child, ChildExit, ChildOptions, StartChild } from './child.ts'
import type { ChildRun } from './child-run.ts'
import type { FromChild, RunEnd } from './messages.ts'

interface PoolChildParts extends Omit<ChildOptions, 'onMessage' | 'onUnreadable'> {
  readonly start: StartChild
  /** It has nothing to do now: just started, or a run is over. */
  readonly onFree: (child: PoolChild) => void
  /** It is gone, and a run that was in it has failed. */
  readonly onExit: (child: PoolChild, exit: ChildExit) => void
  readonly logger: Logger
}

/** How long a child that is to end may take to close the app's connections. */
const END_MS = 5_000

/** A child as its pool sees it: what runs in it, and how much has. */
export class PoolChild {
  state: 'starting' | 'idle' | 'busy' | 'ending' = 'starting'
  /** Runs that have begun in it. */
  runs = 0
  memoryBytes = 0
  /** The pool was restarted since. */
  isOld = false
  /** Why it cannot run tasks. */
  unfit: unknown
  readonly startedAt = performance.now()
  readonly exited: Promise<void>
  readonly #parts: PoolChildParts
  readonly #child: Child
  #run: ChildRun | undefined

  constructor(parts: PoolChildParts) {
    this.#parts = parts
    this.#child = parts.start({
      ...parts,
      onMessage: (message) => this.#hear(message),
      onUnreadable: (error) => this.#unreadable(error),
    })
    this.exited = this.#child.exited.then((exit) => this.#gone(exit))
  }

  get pid(): number {
    return this.#child.pid
  }

  get run(): ChildRun | undefined {
    return this.#run
  }

  begin(run: ChildRun): void {
    this.state = 'busy'
    this.runs += 1
    this.#run = run
    run.begin(this.#child)
  }

  /** Lets it close what it has opened, then ends it. Nothing may run in it. */
  end(): void {
    if (this.state === 'ending') return
    this.state = 'ending'
    this.#child.send({ kind: 'end' })
    const timer = startTimer(END_MS, () => this.#child.kill()).unref()
    void this.exited.then(() => timer.clear())
  }

  kill(): void {
    this.state = 'ending'
    this.#child.kill()
  }

  #hear(message: FromChild): void {
    switch (message.kind) {
      case 'ready':
        this.#free()
        break
      case 'unfit':
        this.unfit = fromBorder(message.error)
        break
      case 'ask':
        void this.#answer(message)
        break
      case 'log':
        this.#log(message)
        break
      case 'done':
        this.#done(message.call, message.end)
        break
    }
  }

  #log({ call, level, fields, sentence }: FromChild & { readonly kind: 'log' }): void {
    const logger = this.#run?.number === call ? this.#run.logger : this.#parts.logger
    logger[level](fromBorder(fields) as Record<string, unknown>, sentence) // as remote-environment.ts sent it
  }

  #done(call: number, end: unknown): void {
    const run = this.#run
    if (run?.number !== call) return
    this.#run = undefined
    const ended = readEnd(end)
    if (ended instanceof Error) {
      this.#free()
      run.fail(ended)
      return
    }
    this.memoryBytes = ended.memoryBytes
    this.#free()
    run.end(ended)
  }

  /** Of any kind: the run that sent it cannot end any more. */
  #unreadable(error: Error): void {
    this.#run?.fail(error)
    this.#run = undefined
    this.kill()
  }

  #free(): void {
    if (this.state === 'ending') return
    this.state = 'idle'
    this.#parts.onFree(this)
  }

  async #answer(message: FromChild & { readonly kind: 'ask' }): Promise<void> {
    const { ask, call } = message
    try {
      if (this.#run?.number !== call) throw new Error('the task is over')
      this.#child.send({ kind: 'answer', ask, value: toBorder(await this.#run.answer(message)) })
    } catch (error) {
      this.#child.send({ kind: 'answer', ask, error: toBorder(error) })
    }
  }

  #gone(exit: ChildExit): void {
    this.state = 'ending'
    this.#run?.lost(exit)
    this.#run = undefined
    this.#parts.onExit(this, exit)
  }
}

/** A thread has more stack than this process: there may be more levels than can be read here. */
function readEnd(end: unknown): RunEnd | Error {
  try {
    return fromBorder(end) as RunEnd // as serve-calls.ts wrote it
  } catch (error) {
    return asError(error)
  }
}
