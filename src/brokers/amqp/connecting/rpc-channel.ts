import type { Channel, ChannelModel } from 'amqplib'
import { Semaphore } from '../../../async/semaphore.ts'

/**
 * A channel for questions and declarations, one at a time: an error ends an AMQP channel, so the next question
 * gets a new one, and nothing else suffers.
 */
export class RpcChannel {
  readonly #turn = new Semaphore(1)
  #model: ChannelModel | undefined
  #channel: Channel | undefined

  run<T>(model: ChannelModel, work: (channel: Channel) => Promise<T>): Promise<T> {
    return this.#turn.run(async () => await work(await this.#channelOf(model)))
  }

  async #channelOf(model: ChannelModel): Promise<Channel> {
    if (this.#channel !== undefined && this.#model === model) return this.#channel
    const channel = await model.createChannel()
    // The call that failed is rejected with the same error.
    channel.on('error', () => undefined)
    channel.on('close', () => {
      if (this.#channel === channel) this.#channel = undefined
    })
    this.#model = model
    this.#channel = channel
    return channel
  }
}
