import type { Config } from './config/config.ts'
import { App, type AppOptions } from './tasks/app.ts'
import { Worker } from './worker/worker.ts'
import type { WorkerOptions } from './worker/worker-options.ts'

/** An app that can also run its tasks: what `createApp` makes. */
export class CeleryApp extends App {
  /** A worker for this app's tasks; `start()` it. */
  worker(options: WorkerOptions = {}): Worker {
    return new Worker(this, options)
  }
}

/** Makes an application from its config, as Python's `Celery()`. */
export function createApp(config: Config, options: AppOptions = {}): CeleryApp {
  return new CeleryApp(config, options)
}
