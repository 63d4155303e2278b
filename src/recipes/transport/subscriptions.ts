import { TransportError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { decodeMessage } from './mangle.ts'
import type { OpenSubscription, SubscriptionPlan } from './subscription.ts'
import type { MessageCallback, SubscribeOptions, TransportHeader } from './transport.ts'

interface Entry {
  readonly plan: SubscriptionPlan
  readonly open: OpenSubscription
}

/** Which subscription a callback is called for. */
interface CallbackPlace {
  readonly id: number
  readonly kind: SubscriptionPlan['kind']
  readonly name: string | null
  readonly callback: string
}

interface SubscriptionsParts {
  readonly log: Logger
  /** The callback with all that stands around it. */
  readonly around: (callback: MessageCallback, place: CallbackPlace) => MessageCallback
}

/** The subscriptions of one transport, by their ids, and the callbacks that take their messages. */
export class Subscriptions {
  readonly #parts: SubscriptionsParts
  readonly #entries = new Map<number, Entry>()
  readonly #callbacks = new Map<number, MessageCallback>()
  #last = 0

  constructor(parts: SubscriptionsParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#entries.size
  }

  get queues(): readonly string[] {
    return [...this.#entries.values()]
      .filter(({ plan }) => plan.kind === 'queue')
      .map(({ open }) => open.queue)
  }

  find(id: number | undefined): Entry | undefined {
    return id === undefined ? undefined : this.#entries.get(id)
  }

  entry(id: number, verb: string): Entry {
    const entry = this.#entries.get(id)
    if (entry !== undefined) return entry
    throw new TransportError(`there is no subscription ${id} to ${verb}`)
  }

  async add(
    { kind, name }: { readonly kind: SubscriptionPlan['kind']; readonly name: string | null },
    { callback, options }: { callback: MessageCallback; options: SubscribeOptions },
    opened: (plan: SubscriptionPlan) => Promise<OpenSubscription>,
  ): Promise<{ id: number; queue: string }> {
    this.#last += 1
    const id = this.#last
    this.#callbacks.set(id, callback)
    // The first messages may be here before the broker's answer: they wait until they can be settled.
    const early: (() => void)[] = []
    const plan: SubscriptionPlan = {
      id,
      kind,
      name,
      options,
      receive: (header, body) => {
        const message = options.disableMangling === true ? body : decodeMessage(body)
        if (this.#entries.has(id)) this.#receive(plan, header, message)
        else early.push(() => this.#receive(plan, header, message))
      },
    }
    try {
      const open = await opened(plan)
      this.#entries.set(id, { plan, open })
      for (const receive of early.splice(0)) receive()
      return { id, queue: open.queue }
    } catch (cause) {
      this.#callbacks.delete(id)
      throw cause
    }
  }

  /** Its callback still takes what is on its way, until it is forgotten. */
  remove(id: number): void {
    this.#entries.delete(id)
  }

  /** False where there is none. */
  forgetCallback(id: number): boolean {
    return this.#callbacks.delete(id)
  }

  clear(): void {
    this.#entries.clear()
    this.#callbacks.clear()
  }

  #receive(plan: SubscriptionPlan, header: TransportHeader, message: unknown): void {
    const { id, kind, name } = plan
    const callback = this.#callbacks.get(id)
    if (callback === undefined) return
    const place = { id, kind, name, callback: callback.name || 'callback' }
    const run = async (): Promise<void> => {
      try {
        await this.#parts.around(callback, place)(header, message)
      } catch (error) {
        this.#parts.log.error(
          { err: error, subscription: id },
          'the callback of a subscription failed',
        )
      }
    }
    void run()
  }
}
