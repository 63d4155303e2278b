import type { Channel, ChannelModel } from 'amqplib'
import { Semaphore } from '../../../async/semaphore.ts'
import type { Delivery } from '../../broker.ts'
import { AckWindow } from './ack-window.ts'
import { AmqpDelivery } from './amqp-delivery.ts'
import { Parked } from './parked.ts'

/** Takes single messages, over one channel of its own. */
export class Getter {
  readonly #turn = new Semaphore(1)
  readonly #parked = new Parked()
  #model: ChannelModel | undefined
  #channel: Channel | undefined
  #window: AckWindow | undefined

  get(model: ChannelModel, queue: string): Promise<Delivery | undefined> {
    return this.#turn.run(async () => {
      const { channel, window } = await this.#open(model)
      const received = await channel.get(queue, { noAck: false })
      if (received === false) return undefined
      return new AmqpDelivery(received, { queue, window, park: this.#parked.park })
    })
  }

  flush(): void {
    this.#window?.flush()
  }

  async #open(model: ChannelModel): Promise<{ channel: Channel; window: AckWindow }> {
    if (this.#channel !== undefined && this.#window !== undefined && this.#model === model) {
      return { channel: this.#channel, window: this.#window }
    }
    const channel = await model.createChannel()
    const window = new AckWindow(channel, 0)
    // The call that failed is rejected with the same error.
    channel.on('error', () => undefined)
    channel.on('close', () => {
      window.close()
      if (this.#channel !== channel) return
      this.#parked.clear()
      this.#channel = undefined
    })
    this.#model = model
    this.#channel = channel
    this.#window = window
    return { channel, window }
  }
}
