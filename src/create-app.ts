import { randomUUID } from 'node:crypto'
import { MemoryBroker } from './brokers/memory/memory-broker.ts'
import type { Config } from './config/config.ts'
import { MemoryResultStore } from './results/memory/memory-store.ts'
import { App } from './tasks/app/app.ts'
import type { AppOptions } from './tasks/app/connected-app.ts'
import type { CallInput } from './tasks/calls/task-call.ts'
import { EagerTasks } from './worker/eager-tasks.ts'
import type { ChildPort } from './worker/pools/children/messages.ts'
import { serveCalls } from './worker/pools/children/serve-calls.ts'
import { Worker } from './worker/worker.ts'
import type { WorkerOptions } from './worker/worker-options.ts'

/** An app that can also run its tasks: what `createApp` makes. */
export class CeleryApp extends App {
  /** With task_always_eager. */
  readonly #eager: EagerTasks | undefined

  constructor(config: Config, options: AppOptions = {}) {
    super(config, config.task_always_eager ? inThisProcess(config, options) : options)
    this.#eager = config.task_always_eager ? new EagerTasks(this) : undefined
  }

  /** A worker for this app's tasks; `start()` it. */
  worker(options: WorkerOptions = {}): Worker {
    return new Worker(this, options)
  }

  /** In a child of a worker's pool: runs the calls that the worker sends, until it says that these were all. */
  async serve(port: ChildPort): Promise<void> {
    await serveCalls(this, port)
  }

  override publish(call: CallInput): Promise<string> {
    if (this.#eager === undefined) return super.publish(call)
    return this.#eager.run(call, (one) => super.publish(one))
  }

  override async close(): Promise<void> {
    await this.#eager?.close()
    await super.close()
  }
}

/** Makes an application from its config, as Python's `Celery()`. */
export function createApp(config: Config, options: AppOptions = {}): CeleryApp {
  return new CeleryApp(config, options)
}

/** Calls leave this process only as results, and those only with task_store_eager_result. */
function inThisProcess(config: Config, options: AppOptions): AppOptions {
  const name = `eager-${randomUUID()}`
  const broker = new MemoryBroker(name)
  if (config.task_store_eager_result) return { ...options, broker }
  return { ...options, broker, results: new MemoryResultStore({ name }) }
}
