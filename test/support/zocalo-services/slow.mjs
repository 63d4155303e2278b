import { CommonService } from '../../../dist/src/recipes/index.js'

/** Takes a while over each message. */
export class Slow extends CommonService {
  static serviceName = 'Slow'

  async initializing() {
    const take = async (header) => {
      await new Promise((resolve) => setTimeout(resolve, 200))
      await this.transport.ack(header)
    }
    await this.transport.subscribe('slow', take, { acknowledgement: true })
  }
}
