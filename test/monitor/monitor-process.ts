import { openBroker } from '../../src/brokers/open-broker.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { Monitor } from '../../src/monitor/monitor.ts'
import { service } from '../support/services.ts'
import { config } from './messages.ts'

/** A monitor in a process of its own, to be killed; prints a line for each batch. */
const broker = openBroker({ url: service('AMQP_URL') })
const database = await openDatabase({ url: service('DATABASE_URL') })
let batches = 0
const monitor = new Monitor({
  broker,
  database,
  config,
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
