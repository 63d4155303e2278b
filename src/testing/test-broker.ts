import type { PublishOptions } from '../brokers/broker.ts'
import { MemoryBroker } from '../brokers/memory/memory-broker.ts'
import type { Message, Route } from '../protocol/message.ts'
import { toIso } from '../protocol/times.ts'

interface Held {
  readonly dueMs: number
  readonly publish: () => Promise<void>
}

/** A broker in memory that keeps what has an eta until the clock it is given says so, and remembers all it was given. */
export class TestBroker extends MemoryBroker {
  readonly published: { readonly message: Message; readonly route: Route }[] = []
  readonly #nowMs: () => number
  readonly #held = new Set<Held>()

  constructor(name: string, nowMs: () => number) {
    super(name)
    this.#nowMs = nowMs
  }

  get held(): number {
    return this.#held.size
  }

  override async publish(message: Message, route: Route, options?: PublishOptions): Promise<void> {
    if (typeof message.headers.task !== 'string')
      return await super.publish(message, route, options)
    this.published.push({ message, route })
    const { eta } = message.headers
    // The sender's time was by the clock of the machine.
    const waitMs = typeof eta === 'string' ? Date.parse(eta) - Date.now() : 0
    const dueMs = this.#nowMs() + waitMs
    if (!(waitMs > 0)) return await super.publish(dueNow(message), route, options)
    this.#held.add({ dueMs, publish: async () => super.publish(dueNow(message), route, options) })
  }

  /** The moment at which the first of what is held is due, in ms since 1970. */
  nextDueMs(): number | undefined {
    let first: number | undefined
    for (const { dueMs } of this.#held) if (first === undefined || dueMs < first) first = dueMs
    return first
  }

  /** Delivers what is due by now, in the order in which it is due. */
  async deliverDue(): Promise<void> {
    const nowMs = this.#nowMs()
    const due = [...this.#held].filter(({ dueMs }) => dueMs <= nowMs)
    for (const held of due.toSorted((one, other) => one.dueMs - other.dueMs)) {
      this.#held.delete(held)
      await held.publish()
    }
  }
}

/** A worker compares the eta with the clock of its machine, for which it may still be to come. */
function dueNow(message: Message): Message {
  const { eta } = message.headers
  if (typeof eta !== 'string') return message
  return { ...message, headers: { ...message.headers, eta: toIso(new Date()) } }
}
