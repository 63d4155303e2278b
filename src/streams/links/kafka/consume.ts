import type { Message } from '@platformatic/kafka'
import { unlessAborted } from '../../../async/aborted.ts'
import { codecOf } from '../../codecs/codec.ts'
import { type Inlet, LinkListener } from '../../parts/listener.ts'
import { linkFailed } from '../link-failed.ts'
import { readMessage } from '../read-message.ts'
import { Offsets } from './offsets.ts'
import {
  checkKafka,
  clientOptions,
  type KafkaBrokers,
  type KafkaOptions,
  loadKafka,
} from './options.ts'

interface KafkaConsumeOptions extends KafkaOptions {
  /** The consumer group. Default: the block's name. */
  readonly group?: string
  /** Where a group without committed offsets begins. Default earliest. */
  readonly from?: 'earliest' | 'latest'
}

/** Messages of a topic, by a consumer group; their offsets are committed once all before them are published. */
export function consume(
  brokers: KafkaBrokers,
  topic: string,
  options: KafkaConsumeOptions = {},
): LinkListener {
  checkKafka('consume', brokers, topic)
  const codec = codecOf(options.codec, `kafka consume ${topic}`)
  return new LinkListener(`kafka ${topic}`, async (inlet) => {
    const { Consumer, MessagesStreamFallbackModes, MessagesStreamModes } = await loadKafka()
    const { from = 'earliest', group = inlet.block } = options
    const consumer = new Consumer({ ...clientOptions(brokers, options), groupId: group })
    const offsets = new Offsets(inlet.log)
    inlet.defer(async () => {
      await offsets.committed()
      await consumer.close(true)
    })
    const opening = opened(topic, () =>
      consumer.consume({
        topics: [topic],
        autocommit: false,
        mode: MessagesStreamModes.COMMITTED,
        fallbackMode:
          from === 'latest'
            ? MessagesStreamFallbackModes.LATEST
            : MessagesStreamFallbackModes.EARLIEST,
        maxWaitTime: 200,
      }),
    )
    const messages = await unlessAborted(inlet.signal, opening)
    inlet.ready()
    const onAbort = (): void => void messages.close()
    inlet.signal.addEventListener('abort', onAbort, { once: true })
    try {
      for await (const message of messages)
        await inlet.put(read(message, { codec, offsets, inlet }))
    } finally {
      inlet.signal.removeEventListener('abort', onAbort)
    }
  })
}

interface Reading {
  readonly codec: ReturnType<typeof codecOf>
  readonly offsets: Offsets
  readonly inlet: Inlet
}

function read(
  message: Message,
  { codec, offsets, inlet }: Reading,
): ReturnType<typeof readMessage> {
  const headers = Object.fromEntries(
    [...message.headers].map(([name, value]) => [String(name), String(value)]),
  )
  const settled = offsets.open(message)
  const settlement = {
    ack: () => settled('done'),
    // Nothing after it is committed either: the group reads on from here.
    giveBack: () => settled('stuck'),
    reject: (cause: Error) => {
      // Kafka has no place for dead letters: the log names the offset, where the message stays.
      const { topic, partition, offset } = message
      inlet.log.error({ err: cause, topic, partition, offset: String(offset) }, 'message skipped')
      settled('done')
    },
  }
  return readMessage(codec, message.value ?? Buffer.alloc(0), { headers, settlement })
}

async function opened<T>(topic: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (cause) {
    throw linkFailed(`kafka cannot consume ${topic}`, cause)
  }
}
