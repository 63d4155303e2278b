/** What a message must have to be put in line. */
interface InLine {
  /** Those of one lane go one after the other; without one it goes when it can. */
  readonly lane: string | undefined
  readonly bytes: number
}

interface BatchLimits {
  readonly messages: number
  readonly bytes: number
}

/**
 * Messages on their way to one queue. Of each lane (a group of a FIFO queue) no more than one batch is away at a time, so
 * that nothing overtakes; other lanes do not wait for it.
 */
export class Lanes<Message extends InLine> {
  readonly #lanes = new Map<string, Message[]>()
  /** Lanes that may send; what has no lane is a lane of its own. */
  #ready: (string | Message)[] = []
  /** How much of `#ready` is gone: an array that is shifted again and again costs its length each time. */
  #gone = 0
  readonly #busy = new Set<string>()
  #size = 0

  get size(): number {
    return this.#size
  }

  add(message: Message): void {
    this.#size += 1
    const { lane } = message
    if (lane === undefined) {
      this.#ready.push(message)
      return
    }
    const waiting = this.#lanes.get(lane)
    if (waiting !== undefined) {
      waiting.push(message)
      return
    }
    this.#lanes.set(lane, [message])
    if (!this.#busy.has(lane)) this.#ready.push(lane)
  }

  /** As many as fit, those of one lane in their order; their lanes are busy until `done`. */
  take(limits: BatchLimits): Message[] {
    const batch = new Batch<Message>(limits)
    while (this.#gone < this.#ready.length) {
      const next = this.#ready[this.#gone]
      if (next === undefined) break
      const isTaken =
        typeof next === 'string' ? this.#takeFromLane(next, batch) : batch.fill([next]) > 0
      if (!isTaken) break
      this.#gone += 1
    }
    this.#size -= batch.messages.length
    this.#shorten()
    return batch.messages
  }

  /** False where not even its first message fits. */
  #takeFromLane(lane: string, batch: Batch<Message>): boolean {
    const waiting = this.#lanes.get(lane) ?? []
    const count = batch.fill(waiting)
    if (count === 0) return false
    this.#busy.add(lane)
    if (count === waiting.length) this.#lanes.delete(lane)
    else this.#lanes.set(lane, waiting.slice(count))
    return true
  }

  /** The batch is settled; `again` are those of it that are to be sent once more, before all others of their lanes. */
  done(batch: readonly Message[], again: readonly Message[] = []): void {
    this.#size += again.length
    const free = again.filter(({ lane }) => lane === undefined)
    if (free.length > 0) {
      this.#ready = [...free, ...this.#ready.slice(this.#gone)]
      this.#gone = 0
    }
    for (const lane of new Set(batch.flatMap((message) => message.lane ?? []))) {
      this.#busy.delete(lane)
      const first = again.filter((message) => message.lane === lane)
      const waiting = [...first, ...(this.#lanes.get(lane) ?? [])]
      if (waiting.length === 0) continue
      this.#lanes.set(lane, waiting)
      this.#ready.push(lane)
    }
  }

  #shorten(): void {
    if (this.#gone < 1_024 && this.#gone < this.#ready.length) return
    this.#ready = this.#ready.slice(this.#gone)
    this.#gone = 0
  }
}

/** What goes in one call. */
class Batch<Message extends InLine> {
  readonly messages: Message[] = []
  readonly #limits: BatchLimits
  #bytes = 0

  constructor(limits: BatchLimits) {
    this.#limits = limits
  }

  /** Puts the first of them that fit; says how many. */
  fill(waiting: readonly Message[]): number {
    const before = this.messages.length
    for (const message of waiting) {
      if (!this.#fits(message)) break
      this.messages.push(message)
      this.#bytes += message.bytes
    }
    return this.messages.length - before
  }

  /** One message always does, however large: SQS says whether it takes it. */
  #fits({ bytes }: Message): boolean {
    const count = this.messages.length
    if (count === 0) return true
    return count < this.#limits.messages && this.#bytes + bytes <= this.#limits.bytes
  }
}
