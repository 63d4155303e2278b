import { Config, createApp } from 'celery-toolbox'
import { Monitor, openDatabase } from 'celery-toolbox/monitor'

/** A monitor that reports to its parent after each batch how far it is; stopped by SIGTERM. */
const config = new Config({
  queues: ['export', 'python'],
  broker_url: process.env.AMQP_URL ?? '',
  result_backend: 'disabled://',
  dotenv: false,
  environment: {},
})
const app = createApp(config)
const database = await openDatabase({ url: process.env.DATABASE_URL ?? '' })
const monitor = new Monitor({ broker: app.broker(), database, config, onBatch: tell })
await monitor.start()
tell()
process.on('SIGTERM', () => {
  void stop()
})

function tell(): void {
  const { user, system } = process.cpuUsage()
  process.send?.({
    messages: monitor.stats().messages,
    rssMib: process.memoryUsage.rss() / 2 ** 20,
    cpuMs: (user + system) / 1_000,
  })
}

async function stop(): Promise<void> {
  await monitor.stop()
  await database.close()
  await app.close()
  process.exit(0)
}
