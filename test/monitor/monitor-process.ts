import { Config, openBroker } from 'celery-toolbox'
import { Monitor, openDatabase } from 'celery-toolbox/monitor'

/** A monitor in a process of its own, to be killed; prints a line for each batch. */
const broker = openBroker({ url: String(process.env.AMQP_URL) })
const database = await openDatabase({ url: String(process.env.DATABASE_URL) })
let batches = 0
const monitor = new Monitor({
  broker,
  database,
  config: new Config({ queues: ['export'], environment: {}, dotenv: false }),
  batchSize: Number(process.env.BATCH_SIZE),
  // What is decided by looking comes when it comes.
  states: { reconcile: false },
  onBatch: () => {
    batches += 1
    console.log(`batch ${batches}`)
  },
})
await monitor.start()
console.log('started')
