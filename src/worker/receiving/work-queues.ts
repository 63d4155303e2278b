import type { Broker, Delivery, Subscription } from '../../brokers/broker.ts'
import type { TaskQueue } from '../../config/queues/task-queues.ts'
import { topologyOf } from '../../config/queues/topology.ts'
import type { Periodic } from '../../lifecycle/periodic.ts'
import type { Logger } from '../../logger.ts'
import {
  DIRECT_EXCHANGE,
  directQueue,
  directTopology,
} from '../../protocol/routing/worker-direct.ts'
import type { App } from '../../tasks/app/app.ts'
import type { WorkerSettings } from '../worker-options.ts'
import { pulledQueues } from './pulled-queues.ts'

interface WorkQueuesParts {
  readonly app: App
  readonly settings: WorkerSettings
  /** Jobs that wait for their eta. */
  readonly held: () => number
  /** How many more jobs could start now. */
  readonly freeSlots: () => number
  /** Work that the worker does beside its deliveries. */
  readonly track: (work: Promise<unknown> | undefined) => void
  readonly logger: Logger
}

/** The queues a worker takes from: those it began with, and those that remote control adds and cancels. */
export class WorkQueues {
  readonly #parts: WorkQueuesParts
  readonly #queues: Map<string, TaskQueue>
  readonly #subscriptions = new Map<string, Subscription>()
  readonly #toAdjust = new Set<string>()
  readonly #paused = new Set<string>()
  #source:
    | { readonly broker: Broker; readonly onDelivery: (delivery: Delivery) => void }
    | undefined
  #pulling: Periodic | undefined
  #prefetch: number
  #isStopping = false

  constructor(parts: WorkQueuesParts) {
    const { app, settings } = parts
    this.#parts = parts
    this.#prefetch = settings.prefetch
    this.#queues = new Map(queuesOf(app, settings).map((queue) => [queue.name, queue]))
  }

  /** Those that are taken from now. */
  get list(): readonly TaskQueue[] {
    return [...this.#queues.values()]
  }

  /** Deliveries that one queue may have unsettled here, besides those that wait for their eta; 0 is no limit. */
  get prefetch(): number {
    return this.#prefetch
  }

  /** Begins to take from all of them. */
  async take(broker: Broker, onDelivery: (delivery: Delivery) => void): Promise<void> {
    const { app, settings } = this.#parts
    this.#source = { broker, onDelivery }
    if (app.config.worker_direct) await broker.declare(directTopology(settings.name))
    if (app.config.worker_disable_prefetch) await this.#pull(broker, onDelivery)
    else for (const queue of this.#queues.keys()) await this.#consume(queue)
  }

  /** Takes from one more, which is declared; false where it was taken from already. */
  async add(queue: TaskQueue): Promise<boolean> {
    if (this.#queues.has(queue.name)) return false
    await this.#source?.broker.declare(topologyOf([queue], null))
    this.#queues.set(queue.name, queue)
    await this.#consume(queue.name)
    return true
  }

  /** Takes nothing more from it: what was taken is still run. False where it was not taken from. */
  async cancel(name: string): Promise<boolean> {
    if (!this.#queues.delete(name)) return false
    // Not closed: what was taken from it is still to be settled.
    await this.#subscriptions.get(name)?.pause()
    return true
  }

  /** One of its messages can neither be run nor kept: nothing more is taken until it is kept. */
  pause(name: string, isPaused: boolean): void {
    if (isPaused) this.#paused.add(name)
    else this.#paused.delete(name)
    const subscription = this.#subscriptions.get(name)
    if (isPaused) this.#parts.track(subscription?.pause())
    else if (this.#queues.has(name)) this.#parts.track(subscription?.resume())
  }

  /** So many slots more or fewer: so many times the multiplier is taken ahead. */
  setPrefetch(prefetch: number): void {
    this.#prefetch = prefetch
    for (const queue of this.#queues.keys()) this.adjust(queue)
  }

  /**
   * The prefetch grows by one for each held task, so that it takes no slot from others. Once for all that come or go in
   * one turn of the event loop: the broker is asked each time.
   */
  adjust(queue: string): void {
    if (this.#prefetch === 0 || this.#toAdjust.has(queue)) return
    this.#toAdjust.add(queue)
    setImmediate(() => {
      this.#toAdjust.delete(queue)
      if (this.#isStopping) return
      const subscription = this.#subscriptions.get(queue)
      const prefetch = this.#prefetchWithHeld()
      const held = prefetch - this.#prefetch
      this.#parts.track(subscription?.setPrefetch(prefetch, { held }))
    })
  }

  /** A slot is free. */
  wake(): void {
    this.#pulling?.wake()
  }

  /** Takes nothing more; what was taken is still to be settled. */
  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#pulling?.stop()
    await Promise.all([...this.#subscriptions.values()].map(async (each) => each.pause()))
  }

  async close(): Promise<void> {
    await Promise.all([...this.#subscriptions.values()].map(async (each) => each.close()))
  }

  async #consume(queue: string): Promise<void> {
    if (this.#source === undefined || this.#pulling !== undefined) return
    const known = this.#subscriptions.get(queue)
    if (known !== undefined) return await known.resume()
    const { broker, onDelivery } = this.#source
    const { name } = this.#parts.settings
    const options = { prefetch: this.#prefetchWithHeld(), consumerTag: `${name}:${queue}` }
    this.#subscriptions.set(queue, await broker.consume(queue, options, onDelivery))
  }

  async #pull(broker: Broker, onDelivery: (delivery: Delivery) => void): Promise<void> {
    const { freeSlots, logger } = this.#parts
    this.#pulling = pulledQueues({
      broker,
      queues: () => [...this.#queues.keys()],
      freeSlots,
      isHeld: (queue) => this.#paused.has(queue),
      onDelivery,
      logger,
    })
    await this.#pulling.start()
  }

  #prefetchWithHeld(): number {
    if (this.#prefetch === 0) return 0
    const { app, held } = this.#parts
    const limit = app.config.worker_eta_task_limit ?? 65_535 - this.#prefetch
    return this.#prefetch + Math.min(held(), limit)
  }
}

/** Those that a worker begins with. */
export function queuesOf({ config }: App, settings: WorkerSettings): readonly TaskQueue[] {
  const known = config.task_queues
  const queues = settings.queues.map(
    (name) => known.find((queue) => queue.name === name) ?? namedQueue(name),
  )
  return config.worker_direct ? [...queues, ownQueue(settings.name)] : queues
}

/** That of worker_direct. */
function ownQueue(worker: string): TaskQueue {
  return {
    ...namedQueue(directQueue(worker)),
    exchange: DIRECT_EXCHANGE,
    routing_key: worker,
  }
}

function namedQueue(name: string): TaskQueue {
  return {
    name,
    exchange: name,
    exchange_type: 'direct',
    routing_key: name,
    queue_arguments: {},
    durable: true,
    exclusive: false,
    auto_delete: false,
  }
}
