import { randomUUID } from 'node:crypto'
import { type Deferred, deferred } from '../async/deferred.ts'
import { TaskError } from '../errors.ts'
import type { App } from '../tasks/app/app.ts'
import type { CallInput } from '../tasks/calls/task-call.ts'
import type { RunReport } from './report.ts'
import { Worker } from './worker.ts'

/** More than calls can be nested. */
const CONCURRENCY = 10_000
const UNFINISHED: readonly RunReport['kind'][] = ['retry', 'replaced']

/**
 * task_always_eager: a call runs in the process that makes it, and is over when the call returns; so are the tasks that
 * follow from it. It takes the usual way, by a broker in memory and a worker of this process.
 */
export class EagerTasks {
  readonly #app: App
  readonly #ends = new Map<string, Deferred<RunReport>>()
  #worker: Promise<Worker> | undefined

  constructor(app: App) {
    this.#app = app
  }

  /** Resolves with the task's id once it is over; rejects with its error where task_eager_propagates says so. */
  async run(call: CallInput, publish: (call: CallInput) => Promise<string>): Promise<string> {
    this.#requireKnown(call.task)
    await this.#started()
    const { taskId = randomUUID() } = call.options
    const end = this.#endOf(taskId)
    try {
      await publish({ ...call, options: { ...call.options, taskId } })
      const { error } = await end.promise
      if (error !== undefined && this.#app.config.task_eager_propagates) throw error
      return taskId
    } finally {
      this.#ends.delete(taskId)
      // No monitor takes the copies.
      await this.#app.broker().purge(this.#app.config.platformQueue)
    }
  }

  async close(): Promise<void> {
    const worker = await this.#worker?.catch(() => undefined)
    await worker?.stop({ graceMs: 0 })
    const closed = new TaskError('APP_CLOSED', 'the app was closed before the task was over')
    for (const end of this.#ends.values()) end.reject(closed)
  }

  /** A start that fails is tried again by the next call. */
  async #started(): Promise<void> {
    this.#worker ??= this.#start().catch((error: unknown) => {
      this.#worker = undefined
      throw error
    })
    await this.#worker
  }

  /** The same for all that wait for one id. */
  #endOf(taskId: string): Deferred<RunReport> {
    const known = this.#ends.get(taskId)
    if (known !== undefined) return known
    const end = deferred<RunReport>()
    // It may be rejected while its call is still being published.
    end.promise.catch(() => undefined)
    this.#ends.set(taskId, end)
    return end
  }

  async #start(): Promise<Worker> {
    const worker = new Worker(this.#app, {
      name: 'eager@%h',
      concurrency: CONCURRENCY,
      prefetchMultiplier: 0,
      taskEvents: false,
      heartbeat: false,
      onRun: (run) => {
        if (!UNFINISHED.includes(run.kind)) this.#ends.get(run.taskId)?.resolve(run)
      },
      onKept: (taskId, cause) => this.#ends.get(taskId ?? '')?.reject(cause),
    })
    try {
      await worker.start()
    } catch (error) {
      await worker.stop({ graceMs: 0 })
      throw error
    }
    return worker
  }

  #requireKnown(task: string): void {
    if (this.#app.tasks.get(task) !== undefined || task.startsWith('celery.')) return
    throw new TaskError(
      'TASK_NOT_REGISTERED',
      `task_always_eager runs tasks in this process, where there is no task "${task}"; ` +
        `the tasks are: ${this.#app.tasks.names.join(', ')}`,
    )
  }
}
