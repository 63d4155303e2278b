import { end } from '../../../brokers/amqp/connecting/end.ts'
import { serverText } from '../../../brokers/amqp/connecting/server-errors.ts'
import { DisconnectedError, TransportError } from '../../../errors.ts'
import type { Parcel } from '../parcel.ts'
import type { AmqpModel } from './pika-link.ts'

type ConfirmChannel = Awaited<ReturnType<AmqpModel['createConfirmChannel']>>

interface Outgoing {
  readonly parcel: Parcel
  isReturned: boolean
}

/** What every message is published with: no content type, no id, persistent. */
export function publishOptions({ headers, expiration, isMandatory }: Parcel) {
  return {
    headers,
    persistent: true,
    mandatory: isMandatory,
    ...(expiration !== undefined && { expiration }),
  }
}

/** Publishes over one confirm channel; each send resolves with the broker's confirm, and fails where it came back. */
export class PikaSender {
  readonly #isAlive: (model: AmqpModel) => boolean
  readonly #outgoing = new Set<Outgoing>()
  #channel: Promise<ConfirmChannel> | undefined
  #model: AmqpModel | undefined
  #failure: Error | undefined

  constructor(isAlive: (model: AmqpModel) => boolean) {
    this.#isAlive = isAlive
  }

  async send(model: AmqpModel, parcel: Parcel): Promise<void> {
    const channel = await this.#channelOf(model)
    const outgoing: Outgoing = { parcel, isReturned: false }
    this.#outgoing.add(outgoing)
    await new Promise<void>((resolve, reject) => {
      const settle = (cause: unknown): void => {
        this.#outgoing.delete(outgoing)
        if (cause) reject(this.#failed(model, parcel, cause))
        else if (outgoing.isReturned) reject(unroutable(parcel))
        else resolve()
      }
      try {
        channel.publish(
          parcel.exchange,
          parcel.routingKey,
          parcel.body,
          publishOptions(parcel),
          settle,
        )
      } catch (cause) {
        settle(cause)
      }
    })
  }

  /** For what is still unconfirmed; the end of the connection closes an idle channel, too. */
  async close(): Promise<void> {
    if (this.#outgoing.size === 0) return
    const channel = await this.#channel?.catch(() => undefined)
    if (channel !== undefined && this.#model !== undefined && this.#isAlive(this.#model)) {
      await end(channel)
    }
  }

  #channelOf(model: AmqpModel): Promise<ConfirmChannel> {
    if (this.#channel !== undefined && this.#model === model) return this.#channel
    this.#model = model
    const opening = this.#open(model)
    this.#channel = opening
    // A channel that cannot be opened is tried again by the next send.
    opening.catch(() => this.#forget(opening))
    return opening
  }

  async #open(model: AmqpModel): Promise<ConfirmChannel> {
    const channel = await opened(() => model.createConfirmChannel())
    this.#failure = undefined
    channel.on('error', (cause: Error) => {
      this.#failure = cause
    })
    channel.on('close', () => {
      if (this.#model === model) this.#channel = undefined
    })
    channel.on('return', ({ fields, content }) => {
      for (const outgoing of this.#outgoing) {
        const { parcel } = outgoing
        const isIt =
          !outgoing.isReturned &&
          parcel.exchange === fields.exchange &&
          parcel.routingKey === fields.routingKey &&
          parcel.body.equals(content)
        if (!isIt) continue
        outgoing.isReturned = true
        return
      }
    })
    return channel
  }

  #forget(opening: Promise<ConfirmChannel>): void {
    if (this.#channel === opening) this.#channel = undefined
  }

  #failed(model: AmqpModel, parcel: Parcel, cause: unknown): TransportError {
    const where = placeOf(parcel)
    if (!this.#isAlive(model)) {
      return new DisconnectedError(`the connection was lost before ${where} was confirmed`, {
        cause,
      })
    }
    const reason = this.#failure ?? cause
    return new TransportError(`the broker refused ${where}: ${serverText(reason)}`, {
      cause: reason,
    })
  }
}

/** A message that no queue took. */
export function unroutable(parcel: Parcel): TransportError {
  return new TransportError(
    `no queue took ${placeOf(parcel)}: declare the queue, and bind it to the exchange`,
  )
}

/** The driver's error where a connection ends in the middle of opening a channel. */
export async function opened<T>(open: () => Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (cause) {
    throw new DisconnectedError(`no channel to RabbitMQ: ${serverText(cause)}`, { cause })
  }
}

function placeOf({ exchange, routingKey }: Parcel): string {
  if (exchange === '') return `the message to queue "${routingKey}"`
  return routingKey === ''
    ? `the broadcast to exchange "${exchange}"`
    : `the message to exchange "${exchange}" with key "${routingKey}"`
}
