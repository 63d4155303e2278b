import { RunningTask } from '../running-task.ts'
import { type LoopBlock, LoopWatch } from './loop-watch.ts'
import type { Pool, PoolCall, PoolRun } from './pool.ts'

/** Runs all tasks in this event loop: a function that never ends keeps running after its limit, though the worker no longer waits. */
export class AsyncPool implements Pool {
  readonly name = 'async'
  readonly canKill = false
  readonly pids = [process.pid]
  readonly #watch: LoopWatch

  /** Calls `onBlocked` for tasks that keep all others from running. */
  constructor(onBlocked: (block: LoopBlock) => void = () => undefined) {
    this.#watch = new LoopWatch(onBlocked)
  }

  start(): Promise<void> {
    return Promise.resolve()
  }

  run({ request, task, environment }: PoolCall): PoolRun {
    const running = new RunningTask(request, task, environment)
    this.#watch.begin(request, () => running.run())
    void running.outcome.then(() => this.#watch.end(request))
    return running
  }

  /** The event loop has room for any number. */
  resize(): void {
    // Nothing to open or close.
  }

  restart(): void {
    // Its functions are this process's own.
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }
}
