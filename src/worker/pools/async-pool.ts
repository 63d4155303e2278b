import { RunningTask } from '../running-task.ts'
import type { Pool, PoolCall, PoolRun } from './pool.ts'

/** Runs all tasks in this event loop: a function that never ends goes on after its limit, though nobody waits for it. */
export class AsyncPool implements Pool {
  readonly name = 'async'
  readonly canKill = false

  run({ request, task, environment }: PoolCall): PoolRun {
    const running = new RunningTask(request, task, environment)
    running.run()
    return running
  }
}
