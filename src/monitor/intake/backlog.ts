import type { Mirrored } from '../mirror/mirrored.ts'

export interface BatchLimits {
  readonly messages: number
  readonly bytes: number
}

/** The messages that wait to be written, and how much room they take. */
export class Backlog {
  #waiting: Mirrored[] = []
  #bytes = 0

  get size(): number {
    return this.#waiting.length
  }

  get bytes(): number {
    return this.#bytes
  }

  /** When the first of them came; null where none waits. */
  get oldestMs(): number | null {
    return this.#waiting[0]?.message.receivedAtMs ?? null
  }

  add(one: Mirrored): void {
    this.#waiting.push(one)
    this.#bytes += sizeOf(one)
  }

  /** The next batch: what is there, up to the limits, and at least one. */
  take(limits: BatchLimits): readonly Mirrored[] {
    let bytes = 0
    let count = 0
    for (const one of this.#waiting) {
      const more = bytes + sizeOf(one)
      if (count > 0 && (count >= limits.messages || more > limits.bytes)) break
      bytes = more
      count += 1
    }
    const batch = this.#waiting.slice(0, count)
    this.#waiting = this.#waiting.slice(count)
    this.#bytes -= bytes
    return batch
  }
}

/** What is decoded takes about as much room as the body itself. */
function sizeOf({ message, task }: Mirrored): number {
  const decoded = (task?.args?.length ?? 0) + (task?.kwargs?.length ?? 0)
  return message.body.length + message.headers.length + decoded
}
