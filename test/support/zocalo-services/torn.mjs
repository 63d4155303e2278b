import { CommonService } from '../../../dist/src/recipes/index.js'

/** Leaves the transaction of a first delivery open, for its process to be killed; commits that of a later one. */
export class Torn extends CommonService {
  static serviceName = 'Torn'

  async initializing() {
    const take = (...parts) => this.#take(...parts)
    await this.transport.subscribe('torn', take, { acknowledgement: true })
  }

  async #take(header, message) {
    const { subscription, redelivered } = header
    const transaction = await this.transport.transactionBegin({ subscriptionId: subscription })
    await this.transport.ack(header, { transaction })
    await this.transport.send('out', { message, redelivered }, { transaction })
    await this.transport.send('begun', message) // outside of it
    if (!redelivered) return await new Promise(() => undefined)
    await this.transport.transactionCommit(transaction)
  }
}
