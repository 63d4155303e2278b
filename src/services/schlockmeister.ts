import { createHash } from 'node:crypto'
import { deferred } from '../async/deferred.ts'
import { sleep } from '../async/sleep.ts'
import { deadLetterQueue, isDeadLetterQueue } from '../brokers/dead-letters/dead-letter-queue.ts'
import { encodeJson } from '../codecs/json/json.ts'
import { ackWith, CommonService, type TransportHeader } from '../recipes/index.ts'
import { type ListedQueue, rabbitmqQueues } from './rabbitmq-api.ts'

const EVERY_SECONDS = 5
const HEAD_MS = 1000
/** A message that stood at the head of a looping queue so often is taken out. */
const MOST_SIGHTINGS = 5
const KEPT_SIGHTINGS = 10_000

/**
 * Takes messages that kill their services, or are given back for ever, out of queues without a delivery limit: RabbitMQ
 * itself does so where there is one (Zocalo: Schlockmeister, for ActiveMQ). It asks the management API which queues
 * deliver again and again and acknowledge nothing, and looks at the first message of those.
 */
export class Schlockmeister extends CommonService {
  static override serviceName = 'Schlockmeister'
  static override loggerName = 'zocalo.service.schlockmeister'

  readonly #sightings = new Map<string, number>()
  #looking: Promise<void> | undefined

  override async initializing(): Promise<void> {
    this.log.info('Schlockmeister starting')
    this.#begin()
    this.registerIdle(Number(this.environment.every ?? EVERY_SECONDS), () => this.#begin())
  }

  override async inShutdown(): Promise<void> {
    await this.#looking
  }

  /** Beside the service's own loop, in which the messages that it looks at come. */
  #begin(): void {
    this.#looking ??= this.#look()
      .catch((error: unknown) => this.log.error({ err: error }, 'the queues cannot be inspected'))
      .finally(() => {
        this.#looking = undefined
      })
  }

  async #look(): Promise<void> {
    const vhost = this.config.block('pika')?.vhost
    const queues = await rabbitmqQueues(this.config, String(vhost ?? '/'))
    for (const queue of queues.filter(isLooping)) await this.#inspect(queue.name)
  }

  /** Only the first message: one that is given back stands there again. */
  async #inspect(queue: string): Promise<void> {
    const seen = deferred()
    let isFirst = true
    const id = await this.transport.subscribe(
      queue,
      async (header, message) => {
        if (!isFirst) return
        isFirst = false
        try {
          await this.#judge(queue, header, message)
        } finally {
          seen.resolve()
        }
      },
      { acknowledgement: true },
    )
    await Promise.race([seen.promise, sleep(HEAD_MS)])
    await this.transport.unsubscribe(id)
  }

  async #judge(queue: string, header: TransportHeader, message: unknown): Promise<void> {
    const key = `${queue} ${createHash('sha256').update(bytesOf(message)).digest('hex')}`
    const count = (this.#sightings.get(key) ?? 0) + 1
    const isOut = header.redelivered === true && Math.max(count, deathsOf(header)) > MOST_SIGHTINGS
    if (!isOut) {
      if (this.#sightings.size >= KEPT_SIGHTINGS) this.#sightings.clear()
      if (header.redelivered === true) this.#sightings.set(key, count)
      return await this.transport.nack(header)
    }
    this.#sightings.delete(key)
    await this.#bury(queue, header, message, count)
  }

  /** With the history of its way, in the form that RabbitMQ gives it, so that dlq-reinject knows where it belongs. */
  async #bury(
    queue: string,
    header: TransportHeader,
    message: unknown,
    count: number,
  ): Promise<void> {
    const earlier = Array.isArray(header['x-death']) ? header['x-death'] : []
    const { exchange, routing_key: key } = header
    const death = {
      count,
      reason: 'redelivered',
      queue,
      time: new Date(),
      exchange,
      'routing-keys': [key],
    }
    const kept = Object.entries(header).filter(([name]) => !MADE_BY_BROKER.has(name))
    const headers = { ...Object.fromEntries(kept), 'x-death': [death, ...earlier] }
    const dead = deadLetterQueue(queue)
    await ackWith(this.transport, header, async (transaction) => {
      const options = { headers, ...transaction }
      if (message instanceof Uint8Array) await this.transport.rawSend(dead, message, options)
      else await this.transport.send(dead, message, options)
    })
    this.log.error(
      { queue, count },
      'a message that was requeued too often was moved to the dead letters',
    )
  }
}

const MADE_BY_BROKER: ReadonlySet<string> = new Set([
  'consumer_tag',
  'delivery_mode',
  'exchange',
  'message-id',
  'redelivered',
  'routing_key',
  'subscription',
])

function isLooping(queue: ListedQueue): boolean {
  const { name, deliveryLimit, redeliveredPerSecond, acknowledgedPerSecond } = queue
  if (isDeadLetterQueue(name) || name.startsWith('amq.') || deliveryLimit !== null) return false
  return redeliveredPerSecond > 0 && acknowledgedPerSecond === 0
}

/** What its headers tell: quorum queues count deliveries, dead-letter exchanges count deaths. */
function deathsOf(header: TransportHeader): number {
  const deaths: readonly unknown[] = Array.isArray(header['x-death']) ? header['x-death'] : []
  const counts = deaths.map((death) =>
    typeof death === 'object' && death !== null && 'count' in death ? Number(death.count) : 0,
  )
  return Math.max(Number(header['x-delivery-count'] ?? 0), ...counts, 0)
}

function bytesOf(message: unknown): string | Uint8Array {
  return message instanceof Uint8Array ? message : encodeJson(message)
}
