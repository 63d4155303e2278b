// A pipeline of two services in one process, without a server:
//
//     npx tsx examples/recipes/pipeline.ts
import {
  CommonService,
  MemoryTransport,
  Recipe,
  RecipeWrapper,
  type TransportHeader,
  wrapSubscribe,
} from 'celery-toolbox/recipes'

/** Passes the length of a text on. */
class Measure extends CommonService {
  static override serviceName = 'Measure'

  override async initializing() {
    await wrapSubscribe(this.transport, 'measure', (...parts) => this.#measure(...parts), {
      acknowledgement: true,
    })
  }

  async #measure(wrapper: RecipeWrapper | null, header: TransportHeader, text: unknown) {
    const { subscription: subscriptionId } = header
    const transaction = await this.transport.transactionBegin({ subscriptionId })
    await this.transport.ack(header, { transaction })
    await wrapper?.send({ text, length: String(text).length }, { transaction })
    await this.transport.transactionCommit(transaction)
  }
}

/** Prints what it gets, and ends the program. */
class Print extends CommonService {
  static override serviceName = 'Print'

  override async initializing() {
    const print = async (wrapper: RecipeWrapper | null, header: TransportHeader, what: unknown) => {
      console.log(`run ${JSON.stringify(wrapper?.environment)}: ${JSON.stringify(what)}`)
      await this.transport.ack(header)
      this.requestTermination()
    }
    await wrapSubscribe(this.transport, 'print', print, { acknowledgement: true })
  }
}

const recipe = new Recipe({
  start: [[1, '{greeting}, world']],
  '1': { service: 'measure it', queue: 'measure', output: 2 },
  '2': { service: 'print it', queue: 'print' },
})
recipe.validate()
recipe.applyParameters({ greeting: 'hello' })

const measure = new Measure({ transport: new MemoryTransport() })
const print = new Print({ transport: new MemoryTransport() })
await measure.start()
await print.start()
await using transport = new MemoryTransport()
await new RecipeWrapper({ recipe, environment: { ID: 'run-1' }, transport }).start()
await print.ended
await measure.stop()
