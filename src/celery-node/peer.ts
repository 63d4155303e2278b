// What celery.node 0.5.9 has, as far as it is used here: the package itself is never imported.

/** The settings of a client or a worker. */
export interface CeleryNodeConf {
  CELERY_BROKER: string
  CELERY_BROKER_OPTIONS: object
  CELERY_BACKEND: string
  CELERY_BACKEND_OPTIONS: object
  CELERY_QUEUE: string
  TASK_PROTOCOL: number
}

/** A client or a worker. */
export interface CeleryNodePeer {
  readonly conf: CeleryNodeConf
  isReady(): Promise<unknown>
  disconnect(): Promise<unknown>
}

export type Handler = (...args: never[]) => unknown

/** What `createWorker()` gives. */
export interface CeleryNodeWorker extends CeleryNodePeer {
  readonly handlers: object
  readonly activeTasks: Set<Promise<unknown>>
  // As celery.node declares it.
  // biome-ignore lint/complexity/noBannedTypes: a narrower type would not take its worker.
  register(name: string, handler: Function): void
  start(): Promise<unknown>
}

/** The package: what `require('celery-node')` gives. */
export interface CeleryNodePackage<Client extends CeleryNodePeer, Worker extends CeleryNodePeer> {
  createClient(broker?: string, backend?: string, queue?: string): Client
  createWorker(broker?: string, backend?: string, queue?: string): Worker
}

/** The message of a call as celery.node builds it, in protocol 2 or 1. */
export interface CeleryNodeMessage {
  readonly headers: object
  readonly body: object
}

export interface CeleryNodeCall {
  readonly name: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly taskId: string | undefined
}

/** The call that a message of celery.node's carries. */
export function callIn({ headers, body }: CeleryNodeMessage): CeleryNodeCall {
  const [args, kwargs] = Array.isArray(body) ? body : [undefined, undefined]
  // Its own two builders wrote them.
  const fields = { ...headers, ...(Array.isArray(body) ? {} : body) } as Record<string, unknown>
  return {
    name: String(fields.task),
    args: listOf(args ?? fields.args),
    kwargs: recordOf(kwargs ?? fields.kwargs),
    taskId: typeof fields.id === 'string' ? fields.id : undefined,
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  // What is an object has text for keys.
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
