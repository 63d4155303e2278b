import { inspect } from 'node:util'
import type { Config, ConfigOptions } from '../config/config.ts'
import { maskValue } from '../config/masking.ts'
import type { CeleryApp } from '../create-app.ts'
import { TaskError } from '../errors.ts'
import { metaOf } from './async-result.ts'
import { Equipment, type ToolboxOptions, withKwargs } from './equipment.ts'
import {
  type CeleryNodeMessage,
  type CeleryNodePackage,
  type CeleryNodePeer,
  type CeleryNodeWorker,
  callIn,
  type Handler,
} from './peer.ts'

/** What a client or a worker has besides its own once the toolbox works behind it. */
export interface Toolbox extends AsyncDisposable {
  /** The app behind it: the way to tasks with options, workflows, events and remote control. */
  readonly app: CeleryApp
}

/**
 * Puts the toolbox behind a client or a worker of celery.node, or behind all that its package makes from now on: queues
 * and exchange, copies for the monitor, confirms, acknowledgement after the run, and reconnects. Their tasks and calls stay
 * as they are. Settings that are not given come from celery.node's `conf`. docs/from-celery-node.md
 */
export function useToolbox<Client extends CeleryNodePeer, Worker extends CeleryNodePeer>(
  celery: CeleryNodePackage<Client, Worker>,
  config?: Config | ConfigOptions,
  options?: ToolboxOptions,
): CeleryNodePackage<Client & Toolbox, Worker & Toolbox>
export function useToolbox<Peer extends CeleryNodePeer>(
  peer: Peer,
  config?: Config | ConfigOptions,
  options?: ToolboxOptions,
): Peer & Toolbox
export function useToolbox(
  given: CeleryNodePeer | CeleryNodePackage<CeleryNodePeer, CeleryNodePeer>,
  config: Config | ConfigOptions = {},
  options: ToolboxOptions = {},
): unknown {
  if (isPackage(given)) {
    const equip = (peer: CeleryNodePeer): unknown => useToolbox(peer, config, options)
    return {
      createClient: (...args: string[]) => equip(given.createClient(...args)),
      createWorker: (...args: string[]) => equip(given.createWorker(...args)),
    }
  }
  const isWorker = isKind(given, 'register')
  if (!isWorker && !isKind(given, 'createTask')) {
    throw new TaskError(
      'TASK_INVALID',
      `useToolbox was given ${given === null ? 'null' : `a value of type ${typeof given}`}, expected a client, a worker or the package of celery.node`,
    )
  }
  maskInLogs(given.conf)
  const equipment = new Equipment(given.conf, config, { ...options, isWorker })
  Object.defineProperties(given, sharedParts(equipment))
  return Object.assign(given, isWorker ? workerParts(given, equipment) : clientParts(equipment))
}

/** Celery.node's settings hold urls with passwords; logged with its client, they show none. */
function maskInLogs(conf: CeleryNodePeer['conf']): void {
  const masked = () => maskValue('', { ...conf })
  Object.defineProperties(conf, {
    toJSON: { value: masked, configurable: true },
    [inspect.custom]: { value: masked, configurable: true },
  })
}

function sharedParts(equipment: Equipment): PropertyDescriptorMap {
  const isReady = async (): Promise<void> => equipment.isReady()
  const disconnect = async (): Promise<void> => equipment.stop()
  const publish = async (body: object, _exchange: string, _key: string, headers: object) =>
    void equipment.send(callIn({ headers, body }))
  const getTaskMeta = async (id: string) => metaOf(await equipment.app.asyncResult(id).info())
  return {
    app: { get: () => equipment.app },
    // Its getters answer these, for code that asks them.
    _broker: { value: { isReady, disconnect, publish }, configurable: true, writable: true },
    _backend: { value: { isReady, disconnect, getTaskMeta }, configurable: true, writable: true },
    isReady: { value: isReady, configurable: true, writable: true },
    disconnect: { value: disconnect, configurable: true, writable: true },
    [Symbol.asyncDispose]: { value: disconnect, configurable: true, writable: true },
  }
}

function clientParts(equipment: Equipment): object {
  return {
    sendTask: (
      name: string,
      args: readonly unknown[] = [],
      kwargs: Readonly<Record<string, unknown>> = {},
      taskId?: string,
    ) => equipment.send({ name, args, kwargs, taskId }),
    sendTaskMessage: (_name: string, message: CeleryNodeMessage) =>
      void equipment.send(callIn(message)),
    asyncResult: (taskId: string) => equipment.resultOf(taskId),
  }
}

function workerParts(worker: CeleryNodeWorker, equipment: Equipment): object {
  const running = (run: Promise<unknown>): Promise<unknown> => {
    worker.activeTasks.add(run)
    const forget = (): void => void worker.activeTasks.delete(run)
    run.then(forget, forget)
    return run
  }
  const add = (name: string, handler: Handler, always: boolean): void => {
    const run = withKwargs(handler, { always })
    equipment.register(name, (self, ...args) => running(run(self, ...args)))
  }
  // Those it has by now are wrapped already: how many parameters they have is not to be seen.
  for (const [name, handler] of Object.entries(worker.handlers)) add(name, handler, true)
  const register = worker.register.bind(worker)
  return {
    register: (name: string, handler: Handler) => {
      register(name, handler)
      add(name, handler, false)
    },
    start: async () => equipment.start(),
    run: async () => equipment.start(),
    stop: async () => equipment.stop(),
    whenCurrentJobsFinished: async () => Promise.allSettled(worker.activeTasks),
  }
}

function isPackage(given: unknown): given is CeleryNodePackage<CeleryNodePeer, CeleryNodePeer> {
  return isKind(given, 'createClient') && isKind(given, 'createWorker')
}

/** Whether it has that method. */
function isKind(given: unknown, method: 'register'): given is CeleryNodeWorker
function isKind(given: unknown, method: string): boolean
function isKind(given: unknown, method: string): boolean {
  if (typeof given !== 'object' || given === null) return false
  return typeof Reflect.get(given, method) === 'function'
}
