import { createHash } from 'node:crypto'
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
    await giveBack(letters)
    throw error
  }
  return letters
}

export async function giveBack(letters: readonly KeptLetter[]): Promise<void> {
  await Promise.all(letters.map(async ({ delivery }) => await delivery.requeue()))
}

/** Sends it to the queue it died in, as it was, and takes it from the dead letters once the broker has it. */
export async function redrive(broker: Broker, letter: KeptLetter): Promise<void> {
  const { queue, message, delivery } = letter
  const entries = Object.entries(message.headers).filter(
    // The time tells a FIFO queue that this is no copy of what it had before.
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
