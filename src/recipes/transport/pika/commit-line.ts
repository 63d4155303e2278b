import {
  commitTransaction,
  selectTransactions,
} from '../../../brokers/amqp/sending/transactions.ts'
import type { Parcel } from '../parcel.ts'
import type { AmqpChannel } from './pika-link.ts'
import { publishOptions, unroutable } from './pika-sender.ts'

interface Work {
  readonly parcels: readonly Parcel[]
  /** Settles on the channel. */
  readonly settle: () => void
  readonly resolve: () => void
  readonly reject: (cause: unknown) => void
}

/**
 * The commits of a channel, one after the other: RabbitMQ closes a connection that sends anything on a channel whose
 * commit it has not answered. What comes meanwhile is committed together, next.
 */
export class CommitLine {
  readonly #channel: AmqpChannel
  #waiting: Work[] = []
  #isCommitting = false
  #selected: Promise<void> | undefined

  constructor(channel: AmqpChannel) {
    this.#channel = channel
  }

  /** Once a channel commits, everything on it has to be committed. */
  get isUsed(): boolean {
    return this.#selected !== undefined
  }

  /** Resolves when it has taken effect. Throws for a message that came back unrouted. */
  commit(parcels: readonly Parcel[], settle: () => void): Promise<void> {
    this.#selected ??= selectTransactions(this.#channel)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ parcels, settle, resolve, reject })
      if (!this.#isCommitting) void this.#commitAll()
    })
  }

  async #commitAll(): Promise<void> {
    this.#isCommitting = true
    for (let batch = this.#waiting; batch.length > 0; batch = this.#waiting) {
      this.#waiting = []
      await this.#commitTogether(batch)
    }
    this.#isCommitting = false
  }

  async #commitTogether(batch: readonly Work[]): Promise<void> {
    const returned: { readonly exchange: string; readonly routingKey: string }[] = []
    const onReturn = ({ fields }: { fields: (typeof returned)[number] }): void => {
      returned.push(fields)
    }
    const channel = this.#channel
    channel.on('return', onReturn)
    try {
      await this.#selected
      for (const { parcels, settle } of batch) {
        for (const parcel of parcels) {
          channel.publish(parcel.exchange, parcel.routingKey, parcel.body, publishOptions(parcel))
        }
        settle()
      }
      await commitTransaction(channel)
      for (const work of batch) settled(work, returned)
    } catch (cause) {
      for (const { reject } of batch) reject(cause)
    } finally {
      channel.off('return', onReturn)
    }
  }
}

function settled(
  { parcels, resolve, reject }: Work,
  returned: readonly { readonly exchange: string; readonly routingKey: string }[],
): void {
  const lost = parcels.find(({ exchange, routingKey }) =>
    returned.some((fields) => fields.exchange === exchange && fields.routingKey === routingKey),
  )
  if (lost === undefined) resolve()
  else reject(unroutable(lost))
}
