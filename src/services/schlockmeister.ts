import { createHash } from 'node:crypto'
import { deferred } from '../async/deferred.ts'
import { sleep } from '../async/sleep.ts'
import { deadLetterQueue, isDeadLetterQueue } from '../brokers/dead-letters/dead-letter-queue.ts'
import { encodeJson } from '../codecs/json/json.ts'
import { ackWith, CommonService, type TransportHeader } from '../recipes/index.ts'
import { type ListedQueue, rabbitmqQueues } from './rabbitmq-api.ts'

const EVERY_SECONDS = 5
/** How long a look at a queue takes: longer than what another service gives back rests there. */
const LOOK_MS = 1500
/** A message that others gave back so often is taken out. */
const MOST_RETURNS = 5
/** Messages that a look takes in hand at most. */
const MOST_IN_HAND = 500
/** What other services give back comes here first, while there is a look. */
const PRIORITY = 100
const KEPT_SIGHTINGS = 10_000

interface Arrival {
  readonly header: TransportHeader
  readonly message: unknown
  readonly isFirst: boolean
  /** All that waited was in hand: another service has given it back. */
  readonly cameBack: boolean
}

/** What is known of a message. */
interface Sightings {
  /** No other consumer had given it back before this service did: that it is redelivered proves nothing. */
  readonly wasNew: boolean
  readonly returnedHere: number
  readonly returnedByOthers: number
}

/**
 * Takes messages that kill their services, or are given back for ever, out of queues without a delivery limit: RabbitMQ
 * itself does so where there is one (Zocalo: Schlockmeister, for ActiveMQ). It asks the management API which queues
 * deliver again and again and acknowledge nothing, and looks at what waits in those, and at what comes back. A message that only
 * waits behind one that loops is left alone.
 */
export class Schlockmeister extends CommonService {
  static override serviceName = 'Schlockmeister'
  static override loggerName = 'zocalo.service.schlockmeister'

  readonly #sightings = new Map<string, Sightings>()
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
    for (const queue of queues.filter(isLooping)) await this.#inspect(queue)
  }

  async #inspect({ name, unacknowledged }: ListedQueue): Promise<void> {
    const arrivals: Arrival[] = []
    const arrived = deferred()
    let isEmpty = false
    let isOver = false
    const id = await this.transport.subscribe(
      name,
      (header, message) => {
        // What this look gives back may come again at once; the end of the subscription gives that back.
        if (isOver) return
        const cameBack = isEmpty && header.redelivered === true
        arrivals.push({ header, message, isFirst: arrivals.length === 0, cameBack })
        arrived.resolve()
      },
      { acknowledgement: true, prefetchCount: MOST_IN_HAND, priority: PRIORITY },
    )
    await Promise.race([arrived.promise, sleep(LOOK_MS)])
    isEmpty = (await this.transport.depth?.(name)) === 0
    // If no consumer holds a message, the first is the head of the queue; else it may wait behind the one that loops.
    const isHead = ({ header, message }: Arrival): boolean =>
      unacknowledged === 0 &&
      header.redelivered === true &&
      !this.#known(name, header, message).wasNew
    const [first] = arrivals
    if (first === undefined || !isHead(first)) await sleep(LOOK_MS)
    isOver = true
    for (const arrival of arrivals) {
      const isReturned = arrival.cameBack || (arrival.isFirst && isHead(arrival))
      await this.#judge(name, arrival, isReturned)
    }
    await this.transport.unsubscribe(id)
  }

  async #judge(queue: string, { header, message }: Arrival, isReturned: boolean): Promise<void> {
    const key = keyOf(queue, message)
    const { wasNew, returnedHere, returnedByOthers } = this.#known(queue, header, message)
    const count = returnedByOthers + (isReturned ? 1 : 0)
    const isOut = Math.max(count, deathsOf(header) - returnedHere) > MOST_RETURNS
    this.#sightings.delete(key)
    if (isOut && header.redelivered === true) return await this.#bury(queue, header, message, count)
    const [oldest] = this.#sightings.keys()
    if (this.#sightings.size >= KEPT_SIGHTINGS && oldest !== undefined) {
      this.#sightings.delete(oldest)
    }
    const seen = { wasNew, returnedHere: returnedHere + 1, returnedByOthers: count }
    this.#sightings.set(key, seen)
    await this.transport.nack(header)
  }

  #known(queue: string, header: TransportHeader, message: unknown): Sightings {
    const wasNew = header.redelivered !== true
    return (
      this.#sightings.get(keyOf(queue, message)) ?? { wasNew, returnedHere: 0, returnedByOthers: 0 }
    )
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

function keyOf(queue: string, message: unknown): string {
  return `${queue} ${createHash('sha256').update(bytesOf(message)).digest('hex')}`
}

function bytesOf(message: unknown): string | Uint8Array {
  return message instanceof Uint8Array ? message : encodeJson(message)
}
