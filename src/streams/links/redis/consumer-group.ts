import type { Redis } from 'ioredis'
import { deadLetterQueue } from '../../../brokers/dead-letters/dead-letter-queue.ts'

export type StreamEntry = [id: Buffer, fields: Buffer[] | null]

interface ConsumerGroupParts {
  readonly redis: Redis
  readonly key: string
  readonly group: string
  readonly consumer: string
  readonly claimAfterMs: number
}

const BLOCK_MS = 500

/** One consumer of a stream's consumer group. */
export class ConsumerGroup {
  readonly #parts: ConsumerGroupParts

  constructor(parts: ConsumerGroupParts) {
    this.#parts = parts
  }

  /** From the beginning of the stream, where the group is not there. */
  async make(): Promise<void> {
    const { redis, key, group } = this.#parts
    try {
      await redis.xgroup('CREATE', key, group, '0', 'MKSTREAM')
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('BUSYGROUP'))) throw error
    }
  }

  /** What this consumer holds, from an id on, or with ">" what no consumer has got yet; that is waited for on `waiting`. */
  async read(after: string, count: number, waiting = this.#parts.redis): Promise<StreamEntry[]> {
    const { key, group, consumer } = this.#parts
    const answer = await waiting.callBuffer(
      'XREADGROUP',
      ...['GROUP', group, consumer, 'COUNT', count],
      ...(after === '>' ? ['BLOCK', BLOCK_MS] : []),
      ...['STREAMS', key, after],
    )
    const [stream] = (answer ?? []) as [key: Buffer, entries: StreamEntry[]][]
    return stream?.[1] ?? []
  }

  /** Entries that no consumer has worked on for too long. */
  async claim(most: number): Promise<StreamEntry[]> {
    const { redis, key, group, consumer, claimAfterMs } = this.#parts
    const claimed: StreamEntry[] = []
    let start = '0-0'
    do {
      const answer = (await redis.callBuffer(
        'XAUTOCLAIM',
        ...[key, group, consumer, claimAfterMs, start, 'COUNT', most],
      )) as [next: Buffer, entries: StreamEntry[]]
      start = String(answer[0])
      claimed.push(...answer[1])
    } while (start !== '0-0' && claimed.length < most)
    return claimed
  }

  /** These are worked on: no other consumer claims them for now. It does not count as a delivery. */
  async keep(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return
    const { redis, key, group, consumer } = this.#parts
    await redis.call('XCLAIM', key, group, consumer, 0, ...ids, 'JUSTID')
  }

  async ack(id: string): Promise<void> {
    const { redis, key, group } = this.#parts
    await redis.xack(key, group, id)
  }

  /** To the stream `dlq.<key>`, with the reason, before it leaves the group. */
  async reject(id: string, { data, reason }: { data: Buffer; reason: string }): Promise<void> {
    const { redis, key } = this.#parts
    await redis.xadd(deadLetterQueue(key), '*', 'data', data, 'id', id, 'error', reason)
    await this.ack(id)
  }

  /** Deletes the consumer from the group, unless it holds messages: those are for the others to claim. */
  async leave(): Promise<void> {
    const { redis, key, group, consumer } = this.#parts
    const held = await redis.xpending(key, group, '-', '+', 1, consumer)
    if (held.length === 0) await redis.xgroup('DELCONSUMER', key, group, consumer)
  }
}
