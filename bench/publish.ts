import { benchApp, openPlace, runPeer } from './environment.ts'
import { perSecondSince, type Scenario } from './measure.ts'
import { publishRaw, type RawMessage } from './peers/raw-amqplib.ts'

const WINDOW = 1_000

/** Mirrored, confirmed publish through the topic exchange: each message is in two queues before it counts. */
export async function publishScenario(count: number): Promise<Scenario> {
  const place = await openPlace()
  const app = benchApp(place, 'none')
  const add = app.task('export.add', (x: number, y: number) => x + y)
  await app.setUp()
  const purge = async (): Promise<void> => {
    for (const queue of ['export', 'python', 'platform.fifo']) await app.broker().purge(queue)
  }
  await add.delay(2, 3)
  const sample = await rawMessage(app)

  return {
    name: 'mirrored, confirmed publish',
    baseline: 'amqplib',
    goals: [{ ours: 'celery-toolbox', than: 'amqplib', atLeast: 0.7 }],
    contenders: [
      {
        name: 'amqplib',
        run: async () => {
          await purge()
          return await publishRaw(place.amqpUrl, sample, {
            exchange: 'task_exchange',
            routingKey: 'export',
            count,
          })
        },
      },
      {
        name: 'celery-toolbox',
        run: async () => {
          await purge()
          const startedAt = performance.now()
          for (let sent = 0; sent < count; sent += WINDOW) {
            await Promise.all(Array.from({ length: WINDOW }, async () => add.delay(2, 3)))
          }
          return perSecondSince(startedAt, count)
        },
      },
      {
        name: 'Python Celery (confirm_publish)',
        run: async () => {
          await purge()
          return Number(
            await runPeer('celery_peer.py', ['publish', String(Math.ceil(count / 10))], place),
          )
        },
      },
    ],
    close: async () => {
      await app.close()
      await place.close()
    },
  }
}

/** A message as we publish it, in amqplib's terms, so that both send the same bytes. */
async function rawMessage(app: ReturnType<typeof benchApp>): Promise<RawMessage> {
  const delivery = await app.broker().get('export')
  if (delivery === undefined) throw new Error('nothing was published')
  await delivery.ack()
  const { message } = delivery
  return {
    body: message.body,
    options: { ...message.properties, persistent: true, headers: { ...message.headers } },
  }
}
