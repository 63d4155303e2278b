import { randomUUID } from 'node:crypto'
import type { Config, ConfigOptions } from '../config/config.ts'
import { createLogger } from '../config/logging/logging.ts'
import { type CeleryApp, createApp } from '../create-app.ts'
import type { Logger } from '../logger.ts'
import type { TaskContext } from '../tasks/task-context.ts'
import type { Worker } from '../worker/worker.ts'
import type { WorkerOptions } from '../worker/worker-options.ts'
import { CeleryNodeResult } from './async-result.ts'
import type { CeleryNodeCall, CeleryNodeConf, Handler } from './peer.ts'
import { configOf, routeOptions, unreadSettings } from './settings.ts'

export interface ToolboxOptions {
  /** Default: the toolbox's own, on the standard error stream: what workers do, and what clients could not do. */
  readonly logger?: Logger
  /** How the worker is started; its concurrency, name and pool among others. */
  readonly worker?: WorkerOptions
}

type BoundHandler = (self: TaskContext, ...args: never[]) => Promise<unknown>

let workers = 0

/** What works behind one client or worker of celery.node. Made when it is first used: `conf` may be changed before that. */
export class Equipment {
  readonly #conf: CeleryNodeConf
  readonly #given: Config | ConfigOptions
  readonly #options: ToolboxOptions
  readonly #isWorker: boolean
  readonly #handlers = new Map<string, BoundHandler>()
  readonly #publishing = new Set<Promise<unknown>>()
  #app: CeleryApp | undefined
  #logging: Promise<void> | undefined
  #worker: Worker | undefined

  constructor(
    conf: CeleryNodeConf,
    given: Config | ConfigOptions,
    { isWorker, ...options }: ToolboxOptions & { readonly isWorker: boolean },
  ) {
    this.#conf = conf
    this.#given = given
    this.#options = options
    this.#isWorker = isWorker
  }

  get app(): CeleryApp {
    if (this.#app !== undefined) return this.#app
    const { logger } = this.#options
    const app = createApp(configOf(this.#conf, this.#given), logger === undefined ? {} : { logger })
    for (const [name, run] of this.#handlers) declare(app, name, run)
    this.#app = app
    return app
  }

  /** Connected, with everything declared. Rejects where the broker or the result backend cannot be reached. */
  async isReady(): Promise<void> {
    const app = await this.#logged()
    await Promise.all([app.readyBroker(), app.results()])
  }

  /** Celery.node's calls answer at once; whether the message arrived is known when the result is asked for. */
  send({ name, args, kwargs, taskId = randomUUID() }: CeleryNodeCall): CeleryNodeResult {
    const published = this.#publish({ name, args, kwargs, taskId })
    this.#publishing.add(published)
    published.then(
      () => this.#publishing.delete(published),
      (err: unknown) => {
        this.#publishing.delete(published)
        this.#app?.logger.error({ err, task: name, taskId }, 'call not published')
      },
    )
    return new CeleryNodeResult(taskId, () => this.app.asyncResult(taskId, name), published)
  }

  resultOf(taskId: string): CeleryNodeResult {
    return new CeleryNodeResult(taskId, () => this.app.asyncResult(taskId), Promise.resolve())
  }

  register(name: string, handler: BoundHandler): void {
    this.#handlers.set(name, handler)
    if (this.#app !== undefined) declare(this.#app, name, handler)
  }

  async start(): Promise<void> {
    if (this.#worker !== undefined) return
    const app = await this.#logged()
    workers += 1
    const name = `celery-node-${process.pid}${workers === 1 ? '' : `-${workers}`}`
    const worker = app.worker({ name, ...this.#options.worker })
    this.#worker = worker
    try {
      await worker.start()
    } catch (error) {
      // Stopped before it had started: nothing that a caller has to know.
      if (this.#worker === worker) throw error
    }
  }

  /** Ends what runs, sends what was called, then closes the connections. */
  async stop(): Promise<void> {
    await Promise.allSettled(this.#publishing)
    const [app, worker] = [this.#app, this.#worker]
    this.#app = undefined
    this.#worker = undefined
    this.#logging = undefined
    await worker?.stop()
    await app?.close()
  }

  async #publish({ name, args, kwargs, taskId }: CeleryNodeCall): Promise<void> {
    const app = await this.#logged()
    const options = { ...routeOptions(this.#conf, app.config), ...(taskId && { taskId }) }
    await app.publish({ task: name, args, kwargs, options })
  }

  async #logged(): Promise<CeleryApp> {
    const { app } = this
    this.#logging ??= this.#openLog(app)
    await this.#logging
    return app
  }

  async #openLog(app: CeleryApp): Promise<void> {
    if (this.#options.logger === undefined) {
      app.useLogger(await createLogger(app.config, { level: this.#isWorker ? 'info' : 'warn' }))
    }
    for (const setting of unreadSettings(this.#conf)) {
      app.logger.warn({ setting }, 'setting of celery.node has no effect here')
    }
  }
}

/** What celery.node calls with all arguments, then the keyword arguments. */
export function withKwargs(
  handler: Handler,
  { always }: { readonly always: boolean },
): BoundHandler {
  return async ({ request: { kwargs } }, ...args) => {
    // What has room for them gets empty ones as well; what has not keeps its defaults and its rest of arguments.
    const isGiven = always || Object.keys(kwargs).length > 0 || handler.length > args.length
    return await handler(...args, ...(isGiven ? [kwargs as never] : []))
  }
}

function declare(app: CeleryApp, name: string, run: BoundHandler): void {
  app.task(name, { bind: true, acksLate: true, rejectOnWorkerLost: true }, run)
}
