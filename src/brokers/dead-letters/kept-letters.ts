import { createHash } from 'node:crypto'
import { hasDeliveryCounters, withoutDeliveryCounters } from '../../protocol/delivery-counters.ts'
import { identify } from '../../protocol/describe-message.ts'
import { textOrNull } from '../../protocol/field-readers.ts'
import type { Message } from '../../protocol/message.ts'
import type { Broker, Delivery } from '../broker.ts'
import { queueOfDeadLetters } from './dead-letter-queue.ts'

/** A message taken from a dead-letter queue to be looked at. */
export interface KeptLetter {
  /** The same each time it is looked at. */
  readonly id: string
  /** The queue it died in. */
  readonly queue: string
  readonly code: string | null
  readonly reason: string | null
  /** In ISO 8601. */
  readonly keptAt: string | null
  readonly taskId: string | null
  readonly task: string | null
  /** Names of headers that could not be kept, or not whole: without them it goes back. */
  readonly cut: string | null
  /** "1/2" where it was too large to be kept in one piece. */
  readonly part: string | null
  readonly message: Message
  readonly delivery: Delivery
}

/** Takes what waits in a dead-letter queue, `most` at most: each is to be given back, or put back where it died. */
export async function takeLetters(
  broker: Broker,
  deadQueue: string,
  most: number,
): Promise<KeptLetter[]> {
  const letters: KeptLetter[] = []
  try {
    while (letters.length < most) {
      const delivery = await broker.get(deadQueue)
      if (delivery === undefined) break
      letters.push(letterOf(delivery, deadQueue))
    }
  } catch (error) {
    await giveBack(broker, letters)
    throw error
  }
  return letters
}

/**
 * They stay dead letters. A quorum queue counts how often it delivers a message, and drops it beyond its limit (20, where none is
 * set, from RabbitMQ 4 on): there a copy takes the place of the message, so that no number of looks loses it.
 */
export async function giveBack(broker: Broker, letters: readonly KeptLetter[]): Promise<void> {
  const ends = await Promise.allSettled(letters.map(({ delivery }) => putBack(broker, delivery)))
  const failed = ends.find((end) => end.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

async function putBack(broker: Broker, delivery: Delivery): Promise<void> {
  if (delivery.isSettled) return
  const { message, queue } = delivery
  const { headers } = message
  const isCounted = hasDeliveryCounters(headers)
  // A copy would go to each queue that these name.
  const isRouted = 'CC' in headers || 'BCC' in headers
  if (!isCounted || isRouted) return await delivery.requeue()
  try {
    const copy = { ...message, headers: withoutDeliveryCounters(headers) }
    await broker.publish(copy, { exchange: '', routingKey: queue }, { mandatory: true })
  } catch {
    // Refused: the message itself is still there. Not confirmed: the copy may be there too, so that the letter is there
    // twice, as after any unconfirmed publish.
    return await delivery.requeue()
  }
  await delivery.ack()
}

/** Sends it to the queue it died in, as it was but for the headers that were cut, and takes it from the dead letters once the broker has it. */
export async function redrive(broker: Broker, letter: KeptLetter): Promise<void> {
  const { queue, message, delivery } = letter
  const entries = Object.entries(withoutDeliveryCounters(message.headers)).filter(
    // The time stays: with it, a FIFO queue does not drop the message as a copy of an earlier one.
    ([name]) => !name.startsWith('x-dlq-') || name === TIME,
  )
  const alive = { ...message, headers: Object.fromEntries(entries) }
  await broker.publish(alive, { exchange: '', routingKey: queue }, { mandatory: true })
  await delivery.ack()
}

function letterOf(delivery: Delivery, deadQueue: string): KeptLetter {
  const { message } = delivery
  const said = (name: string): string | null => textOrNull(message.headers[name])
  const { id: taskId, task } = identify(message)
  return {
    id: letterId(message),
    queue: said('x-dlq-queue') ?? queueOfDeadLetters(deadQueue),
    code: said('x-dlq-code'),
    reason: said('x-dlq-reason'),
    keptAt: said(TIME),
    taskId,
    task,
    cut: said('x-dlq-cut'),
    part: said('x-dlq-part'),
    message,
    delivery,
  }
}

const TIME = 'x-dlq-time'

function letterId({ headers, properties, body }: Message): string {
  const marks = [headers[TIME], headers['x-dlq-part'], headers.id, properties.correlationId]
  return createHash('sha256').update(JSON.stringify(marks)).update(body).digest('hex').slice(0, 10)
}
