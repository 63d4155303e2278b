import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Redis } from 'ioredis'
import { unlessAborted } from '../../../async/aborted.ts'
import { startInterval } from '../../../async/timer.ts'
import { withDeadline } from '../../../async/with-deadline.ts'
import { isRecord } from '../../../protocol/field-readers.ts'
import { withoutArgumentsInErrors } from '../../../redis-errors.ts'
import { type Codec, codecOf } from '../../codecs/codec.ts'
import { type Inlet, LinkListener } from '../../parts/listener.ts'
import type { Settlement } from '../../parts/received.ts'
import { readMessage } from '../read-message.ts'
import { checkRedis, connectRedis } from './connection.ts'
import { ConsumerGroup, type StreamEntry } from './consumer-group.ts'

interface ReadStreamOptions {
  /** Default raw(). */
  readonly codec?: Codec
  /** The consumer group, made where it is not there, from the beginning of the stream. Default: the block's name. */
  readonly group?: string
  /**
   * Of this consumer alone: two that run under one name get each other's messages. Default: a new name with each process.
   * Under a name of its own a restarted consumer gets at once what it held, else it is claimed.
   */
  readonly consumer?: string
  /** What no consumer has kept for so long is taken over: its consumer is dead. Default 30000. */
  readonly claimAfterMs?: number
}

/** Messages of a stream's consumer group: acknowledged after publishing, and kept for others until then. */
export function readStream(
  url: string,
  key: string,
  options: ReadStreamOptions = {},
): LinkListener {
  checkRedis('readStream', url, key)
  const codec = codecOf(options.codec, `redis readStream ${key}`)
  const { claimAfterMs = 30_000 } = options
  const consumer = options.consumer ?? `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`
  return new LinkListener(`redis stream ${key}`, async (inlet) => {
    const redis = await connectRedis(url, inlet)
    const name = options.group ?? inlet.block
    const group = new ConsumerGroup({ redis, key, group: name, consumer, claimAfterMs })
    const reader = new StreamReader({ group, key, codec, inlet })
    const keeping = startInterval(claimAfterMs / 3, () => reader.keepHeld()).unref()
    inlet.defer(async () => {
      keeping.clear()
      if (options.consumer === undefined) await leave(group, redis)
      redis.disconnect()
    })
    await unlessAborted(inlet.signal, group.make())
    // Reading waits on the server, so it has a connection of its own: acknowledgements must not wait behind it.
    const waiting = withoutArgumentsInErrors(redis.duplicate())
    waiting.on('error', () => undefined) // the other connection reports the loss
    inlet.signal.addEventListener('abort', () => waiting.disconnect(), { once: true })
    inlet.ready()
    try {
      await reader.run(waiting, claimAfterMs)
    } catch (error) {
      if (!inlet.signal.aborted) throw error
    } finally {
      waiting.disconnect()
    }
  })
}

/** Not worth waiting for a server that is away: the name alone is left behind. */
async function leave(group: ConsumerGroup, { status }: Redis): Promise<void> {
  if (status !== 'ready') return
  await withDeadline(group.leave(), LEAVE_MS, () => new Error('late')).catch(() => undefined)
}

const LEAVE_MS = 1_000

interface StreamReaderParts {
  readonly group: ConsumerGroup
  readonly key: string
  readonly codec: Codec
  readonly inlet: Inlet
}

class StreamReader {
  readonly #parts: StreamReaderParts
  /** Ids of what the block has and has not settled. */
  readonly #held = new Set<string>()

  constructor(parts: StreamReaderParts) {
    this.#parts = parts
  }

  /** First what this consumer held before, then what comes, and now and then what a dead consumer held. */
  async run(waiting: Redis, claimAfterMs: number): Promise<void> {
    const { group, inlet } = this.#parts
    let after = '0'
    for (;;) {
      const before = await group.read(after, inlet.limit)
      if (before.length === 0 || inlet.signal.aborted) break
      after = String(before.at(-1)?.[0])
      await this.#putAll(before, 'repeated')
    }
    let claimedAt = Number.NEGATIVE_INFINITY
    while (!inlet.signal.aborted) {
      if (performance.now() - claimedAt > claimAfterMs / 2) {
        claimedAt = performance.now()
        await this.#takeOver()
      }
      await this.#putAll(await group.read('>', inlet.limit, waiting))
    }
  }

  keepHeld(): void {
    // It does so again; where Redis is away, no other consumer can claim them either.
    this.#parts.group.keep([...this.#held]).catch(() => undefined)
  }

  async #takeOver(): Promise<void> {
    const { group, key, inlet } = this.#parts
    const claimed = (await group.claim(inlet.limit)).filter(([id]) => !this.#held.has(String(id)))
    if (claimed.length === 0) return
    inlet.log.warn({ key, messages: claimed.length }, 'messages of a dead consumer taken over')
    await this.#putAll(claimed, 'repeated')
  }

  async #putAll(entries: readonly StreamEntry[], kind?: 'repeated'): Promise<void> {
    for (const [id] of entries) this.#held.add(String(id))
    for (const entry of entries) {
      const received = this.#receive(entry, kind === 'repeated')
      if (received !== undefined) await this.#parts.inlet.put(received)
    }
  }

  #receive(
    [id, fields]: StreamEntry,
    isRepeated: boolean,
  ): ReturnType<typeof readMessage> | undefined {
    const data = field(fields, 'data') ?? Buffer.alloc(0)
    const settlement = this.#settlementOf(String(id), data)
    if (fields === null) {
      // Deleted from the stream since it was delivered: there is nothing left to work on.
      void settlement.ack()
      return undefined
    }
    const headers = headersOf(field(fields, 'headers'))
    return readMessage(this.#parts.codec, data, { settlement, headers, isRepeated })
  }

  #settlementOf(id: string, data: Buffer): Settlement {
    const { group } = this.#parts
    const settled = (): void => void this.#held.delete(id)
    return {
      ack: () => group.ack(id).finally(settled),
      giveBack: settled, // it stays with this consumer's pending ones: read first at the next start, or claimed
      reject: ({ message }) => group.reject(id, { data, reason: message }).finally(settled),
    }
  }
}

function field(fields: readonly Buffer[] | null, name: string): Buffer | undefined {
  const at = fields?.findIndex((each, index) => index % 2 === 0 && String(each) === name) ?? -1
  return at < 0 ? undefined : fields?.[at + 1]
}

function headersOf(bytes: Buffer | undefined): Record<string, unknown> | undefined {
  if (bytes === undefined) return undefined
  try {
    const headers: unknown = JSON.parse(bytes.toString('utf8'))
    return isRecord(headers) ? headers : undefined
  } catch {
    // Another program's field of the same name.
    return undefined
  }
}
