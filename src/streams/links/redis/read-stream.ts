import { hostname } from 'node:os'
import type { Redis } from 'ioredis'
import { type Codec, codecOf } from '../../codecs/codec.ts'
import { type Inlet, LinkListener } from '../../parts/listener.ts'
import type { Settlement } from '../../parts/received.ts'
import { readMessage } from '../read-message.ts'
import { checkRedis, connectRedis } from './connection.ts'

export interface ReadStreamOptions {
  /** Default raw(). */
  readonly codec?: Codec
  /** The consumer group, made where it is not there, from the beginning of the stream. Default: the block's name. */
  readonly group?: string
  /** Default: the host's name. Under the same name a restarted consumer gets at once what it held. */
  readonly consumer?: string
  /** What another consumer has held for so long is taken over: it is taken for dead. Default 30000. */
  readonly claimAfterMs?: number
}

interface Reader {
  readonly redis: Redis
  readonly key: string
  readonly group: string
  readonly consumer: string
  readonly claimAfterMs: number
}

type Fields = Buffer[]
type StreamEntry = [id: Buffer, fields: Fields | null]

const BLOCK_MS = 500

/** Messages of a stream's consumer group: acknowledged after publishing, and kept for others until then. */
export function readStream(
  url: string,
  key: string,
  options: ReadStreamOptions = {},
): LinkListener {
  checkRedis('readStream', url, key)
  const codec = codecOf(options.codec, `redis readStream ${key}`)
  const { claimAfterMs = 30_000, consumer = hostname() } = options
  return new LinkListener(`redis stream ${key}`, async (inlet) => {
    const redis = await connectRedis(url, inlet.log)
    inlet.defer(() => redis.disconnect())
    const reader = { redis, key, group: options.group ?? inlet.block, consumer, claimAfterMs }
    await makeGroup(reader)
    // Reading waits on the server, so it has a connection of its own: acknowledgements must not wait behind it.
    const waiting = redis.duplicate()
    waiting.on('error', () => undefined) // the other connection tells of the loss
    inlet.signal.addEventListener('abort', () => waiting.disconnect(), { once: true })
    inlet.ready()
    try {
      await readAll({ ...reader, redis: waiting }, inlet, (entry) => receive(entry, reader, codec))
    } catch (error) {
      if (!inlet.signal.aborted) throw error
    } finally {
      waiting.disconnect()
    }
  })
}

type Receive = (entry: StreamEntry) => ReturnType<typeof readMessage> | undefined

/** First what this consumer held before, then what comes, and now and then what a dead consumer held. */
async function readAll(reader: Reader, inlet: Inlet, receive: Receive): Promise<void> {
  const putAll = async (entries: readonly StreamEntry[]): Promise<void> => {
    for (const entry of entries) {
      const received = receive(entry)
      if (received !== undefined) await inlet.put(received)
    }
  }
  let after = '0'
  for (;;) {
    const held = await readGroup(reader, { after, count: inlet.limit })
    if (held.length === 0 || inlet.signal.aborted) break
    after = String(held.at(-1)?.[0])
    await putAll(held)
  }
  let claimedAt = Number.NEGATIVE_INFINITY
  while (!inlet.signal.aborted) {
    if (performance.now() - claimedAt > reader.claimAfterMs / 2) {
      claimedAt = performance.now()
      await putAll(await claim(reader, inlet))
    }
    await putAll(await readGroup(reader, { after: '>', count: inlet.limit }))
  }
}

async function readGroup(
  { redis, key, group, consumer }: Reader,
  { after, count }: { readonly after: string; readonly count: number },
): Promise<StreamEntry[]> {
  const answer = await redis.callBuffer(
    'XREADGROUP',
    ...['GROUP', group, consumer, 'COUNT', count],
    ...(after === '>' ? ['BLOCK', BLOCK_MS] : []),
    ...['STREAMS', key, after],
  )
  const [stream] = (answer ?? []) as [key: Buffer, entries: StreamEntry[]][]
  return stream?.[1] ?? []
}

/** What others have held for too long. */
async function claim(
  { redis, key, group, consumer, claimAfterMs }: Reader,
  inlet: Inlet,
): Promise<StreamEntry[]> {
  const claimed: StreamEntry[] = []
  let start = '0-0'
  do {
    const answer = (await redis.callBuffer(
      'XAUTOCLAIM',
      ...[key, group, consumer, claimAfterMs, start, 'COUNT', inlet.limit],
    )) as [next: Buffer, entries: StreamEntry[]]
    start = String(answer[0])
    claimed.push(...answer[1])
  } while (start !== '0-0' && claimed.length < inlet.limit)
  if (claimed.length > 0) {
    inlet.log.warn(
      { key, group, messages: claimed.length },
      'messages of a dead consumer taken over',
    )
  }
  return claimed
}

async function makeGroup({ redis, key, group }: Reader): Promise<void> {
  try {
    await redis.xgroup('CREATE', key, group, '0', 'MKSTREAM')
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('BUSYGROUP'))) throw error
  }
}

function receive(
  [id, fields]: StreamEntry,
  reader: Reader,
  codec: Codec,
): ReturnType<typeof readMessage> | undefined {
  const data = field(fields, 'data')
  const settlement = settlementOf(String(id), { reader, data })
  if (fields === null) {
    // Deleted from the stream since it was delivered: there is nothing left to work on.
    void settlement.ack()
    return undefined
  }
  const headers = headersOf(field(fields, 'headers'))
  return readMessage(codec, data ?? Buffer.alloc(0), { settlement, headers })
}

/** Rejected messages go to the stream `dlq.<key>`, with the reason, before they leave the group. */
function settlementOf(
  id: string,
  { reader, data }: { readonly reader: Reader; readonly data: Buffer | undefined },
): Settlement {
  const { redis, key, group } = reader
  return {
    ack: async () => {
      await redis.xack(key, group, id)
    },
    giveBack: () => undefined, // it stays with this consumer's pending ones: read first at the next start, or claimed
    reject: async (cause) => {
      await redis.xadd(`dlq.${key}`, '*', 'data', data ?? '', 'id', id, 'error', cause.message)
      await redis.xack(key, group, id)
    },
  }
}

function field(fields: Fields | null, name: string): Buffer | undefined {
  const at = fields?.findIndex((each, index) => index % 2 === 0 && String(each) === name) ?? -1
  return at < 0 ? undefined : fields?.[at + 1]
}

function headersOf(bytes: Buffer | undefined): Record<string, unknown> | undefined {
  if (bytes === undefined) return undefined
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    // Another program's field of the same name.
    return undefined
  }
}
