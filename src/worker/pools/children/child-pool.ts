import { type Backoff, backoffDelayMs } from '../../../async/backoff.ts'
import { type Deferred, deferred } from '../../../async/deferred.ts'
import { startTimer, type Timer } from '../../../async/timer.ts'
import { TaskError } from '../../../errors.ts'
import type { Logger } from '../../../logger.ts'
import type { Pool, PoolCall, PoolName, PoolRun } from '../pool.ts'
import { type ChildExit, childModule, type StartChild } from './child.ts'
import { ChildRun } from './child-run.ts'
import { PoolChild } from './pool-child.ts'

export interface ChildPoolOptions {
  readonly name: PoolName
  readonly startChild: StartChild
  /** The app, as `-A` names it. */
  readonly module: string
  /** What its children run. */
  readonly program?: URL
  /** A child is replaced once it has run as many tasks. */
  readonly maxTasksPerChild: number | null
  /** Kilobytes; a child that holds more after a task is replaced. */
  readonly maxMemoryPerChild: number | null
  /** One child more stands by from the beginning, as tasks have hard limits. */
  readonly hasStandby?: boolean
  /** A child that takes longer to start is started anew. */
  readonly aliveTimeoutMs: number
  readonly lostWaitMs: number
  readonly logger: Logger
}

/** Of children that die before they are ready. */
const RESTARTS: Backoff = { initialMs: 200, factor: 2, maxMs: 15_000, jitter: 0.3 }

/**
 * Runs tasks in children, one at a time in each. Its places are filled with children that have loaded the app; where one
 * will have to go soon (a time limit, the last of its tasks), a spare is started in time to take the place.
 */
export class ChildPool implements Pool {
  readonly name: PoolName
  readonly canKill = true
  readonly #options: ChildPoolOptions
  readonly #children = new Set<PoolChild>()
  readonly #spares = new Set<PoolChild>()
  /** Those that end, and are waited for when the pool stops. */
  readonly #ending = new Set<PoolChild>()
  readonly #waiting: ChildRun[] = []
  readonly #atRisk = new Set<ChildRun>()
  #size = 0
  #calls = 0
  #failures = 0
  #pause: Timer | undefined
  #started: Deferred<void> | undefined
  #isStopped = false

  constructor(options: ChildPoolOptions) {
    this.name = options.name
    this.#options = options
  }

  get pids(): readonly number[] {
    return [...new Set([...this.#children].map(({ pid }) => pid))]
  }

  async start(size: number): Promise<void> {
    this.#size = size
    this.#started = deferred()
    this.#fill()
    await this.#started.promise
  }

  run(call: PoolCall): PoolRun {
    this.#calls += 1
    const run = new ChildRun({
      call,
      number: this.#calls,
      onCut: (cut) => this.#cut(cut),
      onAtRisk: (risky) => this.#prepareFor(risky),
    })
    this.#waiting.push(run)
    this.#assign()
    return run
  }

  resize(size: number): void {
    this.#size = size
    this.#trim()
    this.#fill()
  }

  restart(): void {
    for (const child of [...this.#children, ...this.#spares]) child.isOld = true
    this.#trim()
    this.#fill()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#pause?.clear()
    for (const child of [...this.#children, ...this.#spares]) this.#retire(child)
    await Promise.all([...this.#ending].map(async ({ exited }) => exited))
  }

  /** Gives runs that wait to children that are free. */
  #assign(): void {
    for (const child of this.#children) {
      if (child.state !== 'idle') continue
      const run = this.#next()
      if (run === undefined) return
      child.begin(run)
      if (child.runs === this.#options.maxTasksPerChild) this.#prepareFor(run)
    }
  }

  #next(): ChildRun | undefined {
    let run = this.#waiting.shift()
    while (run?.isOver === true) run = this.#waiting.shift()
    return run
  }

  /** Fills the empty places, with spares where there are some. */
  #fill(): void {
    if (this.#isStopped || this.#pause !== undefined) return
    while (this.#children.size < this.#size) {
      const [spare] = [...this.#spares].sort((one, other) => readiness(one) - readiness(other))
      this.#spares.delete(spare as PoolChild) // deleting nothing does nothing
      this.#children.add(spare ?? this.#startChild())
    }
    const wanted = Math.max(this.#atRisk.size, this.#options.hasStandby === true ? 1 : 0)
    while (this.#spares.size < wanted) this.#spares.add(this.#startChild())
    this.#assign()
  }

  #startChild(): PoolChild {
    const {
      startChild,
      module,
      program = childModule(),
      maxMemoryPerChild,
      lostWaitMs,
      aliveTimeoutMs,
      logger,
    } = this.#options
    const child = new PoolChild({
      start: startChild,
      module,
      program,
      maxMemoryKb: maxMemoryPerChild,
      lostWaitMs,
      onFree: (free) => this.#free(free),
      onExit: (gone, exit) => this.#gone(gone, exit),
      logger,
    })
    const alarm = startTimer(aliveTimeoutMs, () => {
      if (child.state !== 'starting') return
      logger.error({ pid: child.pid, aliveTimeoutMs }, 'a child of the pool did not start in time')
      child.kill()
    }).unref()
    void child.exited.then(() => alarm.clear())
    return child
  }

  #free(child: PoolChild): void {
    this.#failures = 0
    if (this.#isWornOut(child)) this.#retire(child)
    this.#trim()
    this.#fill()
    if ([...this.#children].every(({ state }) => state !== 'starting')) this.#started?.resolve()
  }

  #isWornOut(child: PoolChild): boolean {
    const { maxTasksPerChild, maxMemoryPerChild, logger } = this.#options
    const isSpent = maxTasksPerChild !== null && child.runs >= maxTasksPerChild
    const isFull = maxMemoryPerChild !== null && child.memoryBytes > maxMemoryPerChild * 1_024
    if (isFull) {
      const { pid, memoryBytes } = child
      logger.info({ pid, memoryBytes }, 'a child of the pool uses too much memory, it is replaced')
    }
    return isSpent || isFull || child.isOld
  }

  /** Ends what is not needed; what is busy, when it is free. */
  #trim(): void {
    for (const run of this.#atRisk) if (run.isOver) this.#atRisk.delete(run)
    const unused = [...this.#children].filter(({ state }) => state !== 'busy')
    const old = [...unused, ...this.#spares].filter(({ isOld }) => isOld)
    for (const child of old) this.#retire(child)
    const young = unused.filter(({ isOld }) => !isOld)
    this.#retireSome(young, this.#children.size - this.#size)
    this.#retireSome([...this.#spares], this.#spares.size - Math.max(1, this.#atRisk.size))
  }

  #retireSome(children: readonly PoolChild[], count: number): void {
    for (const child of children.slice(0, Math.max(0, count))) this.#retire(child)
  }

  #retire(child: PoolChild): void {
    this.#leave(child)
    child.end()
  }

  #leave(child: PoolChild): void {
    this.#children.delete(child)
    this.#spares.delete(child)
    this.#ending.add(child)
  }

  #prepareFor(run: ChildRun): void {
    this.#atRisk.add(run)
    this.#fill()
  }

  /** Its function keeps running, unless its child is ended. */
  #cut(run: ChildRun): void {
    this.#atRisk.delete(run)
    const child = [...this.#children].find((candidate) => candidate.run === run)
    if (child === undefined) return
    this.#leave(child)
    child.kill()
    this.#fill()
  }

  #gone(child: PoolChild, exit: ChildExit): void {
    const wasExpected = this.#ending.delete(child)
    this.#leave(child)
    this.#ending.delete(child)
    if (wasExpected || this.#isStopped) return
    const { logger } = this.#options
    logger.error(
      { pid: child.pid, status: exit.status, err: exit.error },
      'a child of the pool died',
    )
    if (child.runs === 0) this.#failedToStart(child, exit)
    this.#trim()
    this.#fill()
  }

  /** Rejects start(), where it waits; later on children are started again and again, with pauses. */
  #failedToStart(child: PoolChild, { status, error }: ChildExit): void {
    const { module, name } = this.#options
    const why = child.unfit ?? error
    const reason = why instanceof Error ? why.message : status
    this.#started?.reject(
      new TaskError(
        'TASK_INVALID',
        `a child of the pool "${name}" cannot load "${module}": ${reason}`,
        {
          cause: why,
        },
      ),
    )
    this.#failures += 1
    this.#pause = startTimer(backoffDelayMs(RESTARTS, this.#failures), () => {
      this.#pause = undefined
      this.#fill()
    })
  }
}

/** Those that are ready come first. */
function readiness({ state }: PoolChild): number {
  return state === 'idle' ? 0 : 1
}
