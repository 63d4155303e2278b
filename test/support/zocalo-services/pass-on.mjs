import { CommonService, wrapSubscribe } from '../../../dist/src/recipes/index.js'

/** Passes on what comes to node.one, node.three and node.five. */
export class NodePassOn extends CommonService {
  static serviceName = 'Node Pass On'
  static loggerName = 'zocalo.service.node_pass_on'

  async initializing() {
    for (const queue of ['node.one', 'node.three', 'node.five']) {
      const options = { acknowledgement: true, log: this.log }
      await wrapSubscribe(this.transport, queue, (...parts) => this.#passOn(...parts), options)
    }
  }

  async #passOn(wrapper, header, payload) {
    const { subscription } = header
    const transaction = await this.transport.transactionBegin({ subscriptionId: subscription })
    await this.transport.ack(header, { transaction })
    await wrapper.send(payload, { transaction })
    await this.transport.transactionCommit(transaction)
  }
}
