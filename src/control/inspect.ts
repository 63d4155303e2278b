import type { Broadcaster, BroadcastOptions } from './broadcaster.ts'
import type { WorkerReply } from './control-replies.ts'

export interface InspectOptions extends Omit<BroadcastOptions, 'reply' | 'destination'> {
  /** The names of the workers to ask; default all. */
  readonly destination?: string | readonly string[] | undefined
}

/** What each worker answered, by its name; empty where none did. */
export type Answers = Readonly<Record<string, unknown>>

/**
 * Questions to workers, in either language, as Celery's `app.control.inspect()`.
 * https://docs.celeryq.dev/en/stable/userguide/workers.html#inspecting-workers
 */
export class Inspect {
  readonly #control: Broadcaster
  readonly #options: BroadcastOptions

  constructor(control: Broadcaster, { destination, ...options }: InspectOptions) {
    this.#control = control
    this.#options = {
      ...options,
      reply: true,
      destination: typeof destination === 'string' ? [destination] : destination,
    }
  }

  /** The tasks that run. */
  async active({ safe = null }: { readonly safe?: boolean | null } = {}): Promise<Answers> {
    return await this.ask('active', { safe })
  }

  /** The tasks that were taken and wait for a slot. */
  async reserved(): Promise<Answers> {
    return await this.ask('reserved')
  }

  /** The tasks that wait for their eta. */
  async scheduled(): Promise<Answers> {
    return await this.ask('scheduled')
  }

  /** Of these tasks those that are there: `{ id: [state, task] }`. */
  async queryTask(...ids: readonly (string | readonly string[])[]): Promise<Answers> {
    return await this.ask('query_task', { ids: ids.flat() })
  }

  async revoked(): Promise<Answers> {
    return await this.ask('revoked')
  }

  /** The tasks that they can run, with those options (default exchange, routing_key, rate_limit). */
  async registered(...taskinfoitems: readonly string[]): Promise<Answers> {
    return await this.ask('registered', { taskinfoitems })
  }

  async stats(): Promise<Answers> {
    return await this.ask('stats')
  }

  /** Their settings, secrets masked. */
  async conf({ withDefaults = false }: { readonly withDefaults?: boolean } = {}): Promise<Answers> {
    return await this.ask('conf', { with_defaults: withDefaults })
  }

  async activeQueues(): Promise<Answers> {
    return await this.ask('active_queues')
  }

  async ping(): Promise<Answers> {
    return await this.ask('ping')
  }

  async clock(): Promise<Answers> {
    return await this.ask('clock')
  }

  /** What to send along with a bug. */
  async report(): Promise<Answers> {
    return await this.ask('report')
  }

  async memsample(): Promise<Answers> {
    return await this.ask('memsample')
  }

  /** Any command that answers. */
  async ask(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<Answers> {
    return byWorker(await this.#control.broadcast(command, args, this.#options))
  }
}

function byWorker(replies: readonly WorkerReply[]): Answers {
  return Object.assign({}, ...replies)
}
