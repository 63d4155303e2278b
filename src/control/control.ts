import { Broadcaster, type BroadcastOptions } from './broadcaster.ts'
import type { WorkerReply } from './control-replies.ts'
import { Inspect, type InspectOptions } from './inspect.ts'

export type { BroadcastOptions, ControlParts } from './broadcaster.ts'

export interface RevokeOptions extends BroadcastOptions {
  /** Also end it where it runs: our workers abort its signal, Python's kill its process. */
  readonly terminate?: boolean | undefined
  /** The signal that ends the process of a Python worker. Default SIGTERM. */
  readonly signal?: string | undefined
  /** Why: our workers give it to the running task, as the message of what its signal aborts with. */
  readonly reason?: string | undefined
}

/** Seconds; null is no limit. */
interface TimeLimits {
  readonly soft?: number | null
  readonly hard?: number | null
}

interface ConsumerOptions extends BroadcastOptions {
  /** Default the name of the queue. */
  readonly exchange?: string | undefined
  /** Default "direct". */
  readonly exchangeType?: string | undefined
  /** Default the name of the queue. */
  readonly routingKey?: string | undefined
}

interface RestartOptions extends BroadcastOptions {
  /** Python's workers only: the modules to import, or to import again. */
  readonly modules?: readonly string[] | undefined
  readonly reload?: boolean | undefined
}

/**
 * Commands to running workers, in either language.
 * https://docs.celeryq.dev/en/stable/userguide/workers.html#remote-control
 */
export class Control extends Broadcaster {
  /** Questions to workers: `await app.control.inspect().active()` is what each of them runs, by its name. */
  inspect(options: InspectOptions = {}): Inspect {
    return new Inspect(this, options)
  }

  /** Revokes tasks at all workers; see docs/worker.md. */
  async revoke(
    taskIds: string | readonly string[],
    { terminate = false, signal = 'SIGTERM', reason, ...options }: RevokeOptions = {},
  ): Promise<readonly WorkerReply[]> {
    const why = reason === undefined ? {} : { reason }
    return await this.broadcast('revoke', { task_id: taskIds, terminate, signal, ...why }, options)
  }

  /** The same for all tasks with these stamps. */
  async revokeByStampedHeaders(
    headers: Readonly<Record<string, string | readonly string[]>>,
    { terminate = false, signal = 'SIGTERM', reason, ...options }: RevokeOptions = {},
  ): Promise<readonly WorkerReply[]> {
    const why = reason === undefined ? {} : { reason }
    const args = { headers, terminate, signal, ...why }
    return await this.broadcast('revoke_by_stamped_headers', args, options)
  }

  /** Which workers are there: `[{ 'w1@host': { ok: 'pong' } }]`. */
  async ping(options: Omit<BroadcastOptions, 'reply'> = {}): Promise<readonly WorkerReply[]> {
    return await this.broadcast('ping', {}, { ...options, reply: true })
  }

  /** Changes how often workers run a task: "10/m", 5 (a second), 0 for no limit. */
  async rateLimit(
    taskName: string,
    limit: string | number,
    options: BroadcastOptions = {},
  ): Promise<readonly WorkerReply[]> {
    const args = { task_name: taskName, rate_limit: limit }
    return await this.broadcast('rate_limit', args, options)
  }

  /** Changes how long a task may run; runs that have begun keep their limits. */
  async timeLimit(
    taskName: string,
    { soft = null, hard = null }: TimeLimits,
    options: BroadcastOptions = {},
  ): Promise<readonly WorkerReply[]> {
    return await this.broadcast('time_limit', { task_name: taskName, hard, soft }, options)
  }

  /** Ends tasks where they run: `revoke` with `terminate`. */
  async terminate(
    taskIds: string | readonly string[],
    options: Omit<RevokeOptions, 'terminate'> = {},
  ): Promise<readonly WorkerReply[]> {
    return await this.revoke(taskIds, { ...options, terminate: true })
  }

  /** Lets workers take from one more queue; one that is not in their config is declared. */
  async addConsumer(
    queue: string,
    { exchange, exchangeType = 'direct', routingKey, ...options }: ConsumerOptions = {},
  ): Promise<readonly WorkerReply[]> {
    const args = {
      queue,
      exchange: exchange ?? null,
      exchange_type: exchangeType,
      routing_key: routingKey ?? null,
    }
    return await this.broadcast('add_consumer', args, options)
  }

  async cancelConsumer(
    queue: string,
    options: BroadcastOptions = {},
  ): Promise<readonly WorkerReply[]> {
    return await this.broadcast('cancel_consumer', { queue }, options)
  }

  /** Lets workers run so many more tasks at a time. */
  async poolGrow(n = 1, options: BroadcastOptions = {}): Promise<readonly WorkerReply[]> {
    return await this.broadcast('pool_grow', { n }, options)
  }

  async poolShrink(n = 1, options: BroadcastOptions = {}): Promise<readonly WorkerReply[]> {
    return await this.broadcast('pool_shrink', { n }, options)
  }

  /** Where `worker_pool_restarts` lets them: new threads or processes in the place of the old. */
  async poolRestart({
    modules,
    reload = false,
    ...options
  }: RestartOptions = {}): Promise<readonly WorkerReply[]> {
    const args = { modules: modules ?? null, reload, reloader: null }
    return await this.broadcast('pool_restart', args, options)
  }

  /** Changes the limits of workers that were started with --autoscale. */
  async autoscale(
    max: number,
    min: number,
    options: BroadcastOptions = {},
  ): Promise<readonly WorkerReply[]> {
    return await this.broadcast('autoscale', { max, min }, options)
  }

  /** Stops workers, warmly: all of them, unless a destination is named. */
  async shutdown(options: BroadcastOptions = {}): Promise<readonly WorkerReply[]> {
    return await this.broadcast('shutdown', {}, options)
  }

  async enableEvents(options: BroadcastOptions = {}): Promise<readonly WorkerReply[]> {
    return await this.broadcast('enable_events', {}, options)
  }

  async disableEvents(options: BroadcastOptions = {}): Promise<readonly WorkerReply[]> {
    return await this.broadcast('disable_events', {}, options)
  }

  /** Lets workers say at once that they are there, as an event. */
  async heartbeat(options: BroadcastOptions = {}): Promise<readonly WorkerReply[]> {
    return await this.broadcast('heartbeat', {}, options)
  }

  /** Lets the workers choose one of them to act: with the topic "task" it calls the signature. */
  async election(id: string, topic: string, action: unknown = null): Promise<void> {
    await this.broadcast('election', { id, topic, action })
  }
}
