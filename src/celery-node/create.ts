import type { Config, ConfigOptions } from '../config/config.ts'
import { TaskError } from '../errors.ts'
import type { CeleryNodeResult } from './async-result.ts'
import type { ToolboxOptions } from './equipment.ts'
import type { CeleryNodeConf, Handler } from './peer.ts'
import { type Toolbox, useToolbox } from './use-toolbox.ts'

type Kwargs = Readonly<Record<string, unknown>>

/** What `createTask()` of a client gives. */
interface CeleryNodeTask {
  readonly name: string
  delay(...args: unknown[]): CeleryNodeResult
  applyAsync(args?: readonly unknown[], kwargs?: Kwargs): CeleryNodeResult
}

/** A client as celery.node's, without that package. */
export interface CeleryNodeClient extends Toolbox {
  readonly conf: CeleryNodeConf
  createTask(name: string): CeleryNodeTask
  sendTask(
    name: string,
    args?: readonly unknown[],
    kwargs?: Kwargs,
    taskId?: string,
  ): CeleryNodeResult
  asyncResult(taskId: string): CeleryNodeResult
  isReady(): Promise<void>
  disconnect(): Promise<void>
}

/** A worker as celery.node's, without that package. */
export interface LocalWorker extends Toolbox {
  readonly conf: CeleryNodeConf
  readonly handlers: object
  readonly activeTasks: Set<Promise<unknown>>
  register(name: string, handler: Handler): void
  start(): Promise<void>
  /** Ends what runs, then closes the connections. */
  stop(): Promise<void>
  whenCurrentJobsFinished(): Promise<unknown[]>
  isReady(): Promise<void>
  disconnect(): Promise<void>
}

interface CreateOptions extends ToolboxOptions {
  readonly config?: Config | ConfigOptions
}

/** Celery.node's `createClient`, with the toolbox behind it: that package is not needed any more. */
export function createClient(
  broker = 'amqp://',
  backend = 'amqp://',
  queue = 'celery',
  { config, ...options }: CreateOptions = {},
): CeleryNodeClient {
  const peer = { conf: confOf(broker, backend, queue), isReady: unequipped, disconnect: unequipped }
  const client = Object.assign(peer, {
    createTask: (name: string): CeleryNodeTask => new ClientTask(client, name),
  })
  return useToolbox(client, config, options) as CeleryNodeClient // the methods it lacked are there now
}

/** Celery.node's `createWorker`, with the toolbox behind it: that package is not needed any more. */
export function createWorker(
  broker = 'amqp://',
  backend = 'amqp://',
  queue = 'celery',
  { config, ...options }: CreateOptions = {},
): LocalWorker {
  const handlers: Record<string, Handler> = {}
  const worker = {
    conf: confOf(broker, backend, queue),
    handlers,
    activeTasks: new Set<Promise<unknown>>(),
    register: (name: string, handler: Handler): void => {
      if (typeof handler !== 'function') throw new TaskError('TASK_INVALID', 'Undefined handler')
      if (name in handlers) throw new TaskError('TASK_INVALID', 'Handler is already set')
      handlers[name] = handler
    },
    start: unequipped,
    isReady: unequipped,
    disconnect: unequipped,
  }
  return useToolbox(worker, config, options) as unknown as LocalWorker // as above
}

class ClientTask implements CeleryNodeTask {
  readonly name: string
  readonly #client: unknown

  constructor(client: unknown, name: string) {
    this.name = name
    this.#client = client
  }

  delay(...args: unknown[]): CeleryNodeResult {
    return this.applyAsync(args)
  }

  applyAsync(args: readonly unknown[] = [], kwargs: Kwargs = {}): CeleryNodeResult {
    if (!Array.isArray(args)) throw new TaskError('TASK_INVALID', 'args is not array')
    if (typeof kwargs !== 'object') throw new TaskError('TASK_INVALID', 'kwargs is not object')
    return (this.#client as CeleryNodeClient).sendTask(this.name, args, kwargs) // what made it
  }
}

function confOf(broker: string, backend: string, queue: string): CeleryNodeConf {
  return {
    CELERY_BROKER: broker,
    CELERY_BROKER_OPTIONS: {},
    CELERY_BACKEND: backend,
    CELERY_BACKEND_OPTIONS: {},
    CELERY_QUEUE: queue,
    TASK_PROTOCOL: 2,
  }
}

/** Put in its place by useToolbox. */
async function unequipped(): Promise<void> {
  // Nothing is connected yet.
}
