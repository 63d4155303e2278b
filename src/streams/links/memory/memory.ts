import { BoundedQueue, type Queued, type QueueLimits } from '../../block/bounded-queue.ts'
import { type Inlet, LinkListener } from '../../parts/listener.ts'
import { LinkPublisher, type PublishContext } from '../../parts/publisher.ts'
import { type MessageHeaders, Received, sizeOf } from '../../parts/received.ts'

interface Held extends Queued {
  readonly value: unknown
  readonly headers: MessageHeaders
}

const channels = new Map<string, Channel>()

/** Between blocks of one process. Values are handed over as they are, not copied. */
class Channel {
  readonly #queue: BoundedQueue<Held>

  constructor(limits: QueueLimits = {}) {
    this.#queue = new BoundedQueue(limits, () => undefined)
  }

  async put(value: unknown, headers: MessageHeaders = {}): Promise<void> {
    await this.#queue.put({ value, headers, size: sizeOf(value) })
  }

  /** No message comes any more: listeners end once they have what waits. */
  end(): void {
    this.#queue.close()
  }

  async pour(inlet: Inlet): Promise<void> {
    const onAbort = (): void => this.#queue.wakeTakers()
    inlet.signal.addEventListener('abort', onAbort, { once: true })
    inlet.ready()
    try {
      while (!inlet.signal.aborted) {
        const held = this.#queue.take()
        if (held !== undefined) await inlet.put(new Received(held))
        else if (this.#queue.isClosed) return
        else await this.#queue.changed()
      }
    } finally {
      inlet.signal.removeEventListener('abort', onAbort)
    }
  }
}

function channelOf(name: string): Channel {
  const channel = channels.get(name) ?? new Channel()
  channels.set(name, channel)
  return channel
}

/** Ends the channel of this name, if there is one: its listeners end once they have what waits. */
function end(name: string): void {
  channels.get(name)?.end()
  channels.delete(name)
}

function subscribe(name: string): LinkListener {
  return new LinkListener(`memory ${name}`, (inlet) => channelOf(name).pour(inlet))
}

interface MemoryPublishOptions {
  /** Ends the channel with the block that publishes to it. Default false. */
  readonly ends?: boolean
}

function publish(name: string, { ends = false }: MemoryPublishOptions = {}): LinkPublisher {
  return new LinkPublisher(`memory ${name}`, () => ({
    publish: (message: unknown, { headers }: PublishContext) =>
      channelOf(name).put(message, headers),
    close: () => {
      if (ends) end(name)
    },
  }))
}

/** Links between blocks of one process, by the name of a channel. */
export const memory = { subscribe, publish, end } as const
