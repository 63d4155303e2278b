import { codecOf } from '../../codecs/codec.ts'
import { LinkPublisher } from '../../parts/publisher.ts'
import {
  checkKafka,
  clientOptions,
  type KafkaBrokers,
  type KafkaOptions,
  loadKafka,
} from './options.ts'

interface KafkaPublishOptions extends KafkaOptions {
  /** Messages of one key go to one partition, in order. */
  readonly key?: (message: never) => string
  /** Makes the topic where it is not there. Default true. */
  readonly createTopic?: boolean
}

/** Results to a topic, acknowledged by all replicas that are in sync. */
export function publish(
  brokers: KafkaBrokers,
  topic: string,
  options: KafkaPublishOptions = {},
): LinkPublisher {
  checkKafka('publish', brokers, topic)
  const codec = codecOf(options.codec, `kafka publish ${topic}`)
  return new LinkPublisher(`kafka ${topic}`, async () => {
    const { Producer } = await loadKafka()
    const producer = new Producer({
      ...clientOptions(brokers, options),
      autocreateTopics: options.createTopic ?? true,
      retries: Number.MAX_SAFE_INTEGER, // an outage is waited for
    })
    return {
      publish: async (message, { headers, key }) => {
        const body = codec.encode(message)
        const named = key ?? options.key?.(message as never)
        await producer.send({
          acks: -1,
          messages: [
            {
              topic,
              value: Buffer.from(body.buffer, body.byteOffset, body.byteLength),
              headers: new Map(
                Object.entries(headers).map(([name, value]) => [
                  Buffer.from(name),
                  Buffer.from(keyText(value)),
                ]),
              ),
              ...(named !== undefined && { key: Buffer.from(named) }),
            },
          ],
        })
      },
      close: () => producer.close(),
    }
  })
}

function keyText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
