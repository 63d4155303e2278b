import amqp from 'amqplib'
import { benchApp, openPlace } from './environment.ts'
import { median, type Scenario } from './measure.ts'

const CALLS = 500

/** From publishing a task to its start, one at a time, beside a message of the same size from publish to delivery. */
export async function latencyScenario(): Promise<Scenario> {
  const place = await openPlace()
  const app = benchApp(place, 'none')
  let started: (at: number) => void = () => undefined
  app.task('export.now', () => started(performance.now()))
  await app.setUp()
  const worker = app.worker({ queues: ['export'] })
  await worker.start()
  const raw = await openRaw(place.amqpUrl)
  const samples = new Map<string, number[]>([
    ['amqplib', []],
    ['celery-toolbox', []],
  ])

  const measured = async (name: string, once: () => Promise<number>): Promise<number> => {
    const taken: number[] = []
    for (let n = 0; n < CALLS; n += 1) taken.push(await once())
    samples.get(name)?.push(...taken)
    return 1_000 / median(taken)
  }
  const ours = async (): Promise<number> => {
    const publishedAt = performance.now()
    const start = new Promise<number>((resolve) => {
      started = resolve
    })
    await app.sendTask('export.now')
    return (await start) - publishedAt
  }
  return {
    name: 'latency from publish to start (one after the other)',
    baseline: 'amqplib',
    goals: [],
    contenders: [
      { name: 'amqplib', run: () => measured('amqplib', raw.once) },
      { name: 'celery-toolbox', run: () => measured('celery-toolbox', ours) },
    ],
    notes: () =>
      [...samples].map(([name, taken]) => {
        const at = (share: number) => quantile(taken, share).toFixed(2)
        return `${name}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`
      }),
    close: async () => {
      await worker.stop()
      await app.close()
      await raw.close()
      await place.close()
    },
  }
}

async function openRaw(url: string) {
  const connection = await amqp.connect(url, { noDelay: true })
  const channel = await connection.createConfirmChannel()
  const { queue } = await channel.assertQueue('raw', { durable: true })
  let delivered: (at: number) => void = () => undefined
  await channel.consume(queue, (message) => {
    if (message === null) return
    delivered(performance.now())
    channel.ack(message)
  })
  const body = Buffer.alloc(100, 'x')
  const once = async (): Promise<number> => {
    const publishedAt = performance.now()
    const delivery = new Promise<number>((resolve) => {
      delivered = resolve
    })
    channel.sendToQueue(queue, body, { persistent: true })
    await channel.waitForConfirms()
    return (await delivery) - publishedAt
  }
  return { once, close: () => connection.close() }
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
