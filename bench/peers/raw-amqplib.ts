import amqp from 'amqplib'
import { perSecondSince } from '../measure.ts'

/** As much of a Celery message as any client must send: the same headers and properties, made once. */
export interface RawMessage {
  readonly body: Buffer
  readonly options: amqp.Options.Publish
}

const WINDOW = 1_000

/** Publishes `count` confirmed messages through an exchange, waiting after each thousand. */
export async function publishRaw(
  url: string,
  message: RawMessage,
  target: { readonly exchange: string; readonly routingKey: string; readonly count: number },
): Promise<number> {
  const connection = await amqp.connect(url, { noDelay: true })
  const channel = await connection.createConfirmChannel()
  const startedAt = performance.now()
  for (let sent = 0; sent < target.count; sent += WINDOW) {
    for (let one = 0; one < WINDOW; one += 1) {
      channel.publish(target.exchange, target.routingKey, message.body, message.options)
    }
    await channel.waitForConfirms()
  }
  const rate = perSecondSince(startedAt, target.count)
  await connection.close()
  return rate
}

/** Consumes and acknowledges `count` messages one by one, doing nothing with them. */
export async function consumeRaw(
  url: string,
  queue: string,
  { count, prefetch }: { readonly count: number; readonly prefetch: number },
): Promise<number> {
  const connection = await amqp.connect(url, { noDelay: true })
  const channel = await connection.createChannel()
  await channel.prefetch(prefetch)
  const startedAt = performance.now()
  await new Promise<void>((done) => {
    let seen = 0
    void channel.consume(queue, (message) => {
      if (message === null) return
      channel.ack(message)
      seen += 1
      if (seen === count) done()
    })
  })
  const rate = perSecondSince(startedAt, count)
  await channel.close()
  await connection.close()
  return rate
}
