import { CommonService, wrapSubscribe } from '../../../dist/src/recipes/index.js'

/** Kills its process over one message, fails over another, and takes the rest. */
export class Fragile extends CommonService {
  static serviceName = 'Fragile'

  async initializing() {
    await wrapSubscribe(
      this.transport,
      'fragile',
      async (wrapper, header, payload) => {
        if (payload === 'kill') process.kill(process.pid, 'SIGKILL')
        if (payload === 'fail') throw new Error('this message is not to my taste')
        await wrapper?.send(payload)
        await this.transport.ack(header)
      },
      { acknowledgement: true, log: this.log },
    )
  }
}
