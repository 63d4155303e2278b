import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import type { ConfigOptions } from '../../src/config/config.ts'
import type { CeleryApp } from '../../src/create-app.ts'
import { type FaultyProxy, faultyProxy } from '../brokers/sqs/faulty-proxy.ts'
import { startWorker } from '../support/embedded-app.ts'
import { freshSqsPlace, type SqsPlace, sqsApp } from '../support/sqs-app.ts'
import { waitFor } from '../support/wait-for.ts'

const PATIENCE = { deadlineMs: 120_000, everyMs: 20 }
const SLOW = 300_000

test(
  'ten thousand tasks cost at most 0.35 sends, 0.35 receives and 0.25 deletes each',
  async () => {
    const { proxy, app } = await counted()
    let done = 0
    const note = app.task('export.note', async () => {
      done += 1
    })
    await Promise.all(Array.from({ length: 10_000 }, () => note.delay()))
    await startWorker(app, { queues: ['export'], concurrency: 100 })
    await waitFor('all of them', () => done === 10_000, PATIENCE)
    await sleep(500)
    const each = (action: string): number => callsOf(proxy, action) / 10_000
    const seen = {
      send: each('SendMessageBatch'),
      receive: each('ReceiveMessage'),
      delete: each('DeleteMessageBatch'),
    }
    console.log('calls a task:', JSON.stringify(seen))
    expect(seen.send).toBeLessThanOrEqual(0.35)
    expect(seen.receive).toBeLessThanOrEqual(0.35)
    expect(seen.delete).toBeLessThanOrEqual(0.25)
  },
  SLOW,
)

test(
  'a queue where nothing comes costs one receive each twenty seconds',
  async () => {
    const { proxy, app } = await counted({ broker_transport_options: { wait_time_seconds: 20 } })
    app.task('export.note', async () => undefined)
    await startWorker(app, { queues: ['export'] })
    await sleep(41_000)
    expect(callsOf(proxy, 'ReceiveMessage')).toBeLessThanOrEqual(3)
  },
  SLOW,
)

test(
  'a thousand roots keep the order of each, many of them side by side',
  async () => {
    const { proxy, app } = await counted()
    proxy.delayMs = 20
    const broker = app.broker()
    const mirror = app.config.platformQueue
    await broker.declare(app.config.topology())
    const [groups, total] = [1_000, 3_000]
    const route = { exchange: '', routingKey: mirror }
    const messages = Array.from({ length: total }, (_, n) => ({
      message: {
        headers: { root_id: `r${n % groups}`, id: `${n}`, task: 'export.note' },
        properties: {},
        body: Buffer.from(`${n % groups} ${Math.floor(n / groups)}`),
      },
      route,
    }))
    await broker.publishMany(messages, { deadlineMs: 60_000 })
    const last = new Map<string, number>()
    let seen = 0
    let atOnce = 0
    let most = 0
    await broker.consume(mirror, { prefetch: 200 }, (delivery) => {
      const [group = '', place] = delivery.message.body.toString().split(' ')
      expect(Number(place)).toBe((last.get(group) ?? -1) + 1)
      last.set(group, Number(place))
      seen += 1
      atOnce += 1
      most = Math.max(most, atOnce)
      void delivery.ack().finally(() => {
        atOnce -= 1
      })
    })
    await waitFor('all of them', () => seen === total, PATIENCE)
    // Of one group one message is out at a time: how fast that makes it is for npm run bench:sqs.
    expect(most).toBeGreaterThanOrEqual(5)
  },
  SLOW,
)

test(
  'while the server is away a worker needs less than a tenth of a core',
  async () => {
    const { proxy, app } = await counted()
    app.task('export.note', async () => undefined)
    await startWorker(app, { queues: ['export'] })
    proxy.fault = () => 'reset'
    await sleep(2_000)
    const before = process.cpuUsage()
    await sleep(10_000)
    const { user, system } = process.cpuUsage(before)
    console.log('of a core while away:', ((user + system) / 10_000_000).toFixed(3))
    expect((user + system) / 10_000_000).toBeLessThan(0.1)
    proxy.fault = () => 'pass'
  },
  SLOW,
)

async function counted(settings: Partial<ConfigOptions> = {}): Promise<{
  readonly place: SqsPlace
  readonly proxy: FaultyProxy
  readonly app: CeleryApp
}> {
  const place = await freshSqsPlace()
  const proxy = await faultyProxy(place.space.server.port)
  const app = sqsApp(place, {
    broker_url: `sqs://key:secret@127.0.0.1:${proxy.port}`,
    result_backend: 'disabled://',
    ...settings,
  })
  onTestFinished(() => app.close())
  return { place, proxy, app }
}

function callsOf(proxy: FaultyProxy, action: string): number {
  return proxy.calls.filter((call) => call === action).length
}
