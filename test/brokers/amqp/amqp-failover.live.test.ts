import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { Config, createApp } from '../../../src/index.ts'
import { freshVhost } from '../../support/rabbitmq.ts'
import { waitFor } from '../../support/wait-for.ts'

const NOBODY = 'amqp://guest:secret-word@127.0.0.1:1'

test('producer and worker use the next url where one cannot be reached, and when one is lost', async () => {
  const vhost = await freshVhost()
  const door = await openDoor(new URL(vhost.url))
  const through = new URL(vhost.url)
  through.port = String(door.port)
  const app = appOn([NOBODY, through.href, vhost.url])
  const seen: number[] = []
  const note = app.task('export.note', (n: number) => {
    seen.push(n)
  })
  const worker = app.worker()
  await worker.start()
  onTestFinished(() => worker.stop())
  await note.delay(1)
  await waitFor('the first task', () => seen.length === 1)
  expect(door.passed).toBe(1)

  await door.close()
  await note.delay(2)
  await waitFor('the second task', () => seen.includes(2))
})

test('where no url answers, all are named, without their passwords', async () => {
  const app = appOn([NOBODY, 'amqp://127.0.0.1:2'])
  const message = { headers: {}, properties: {}, body: Buffer.from('x') }
  const publishing = app
    .broker()
    .publish(message, { exchange: '', routingKey: 'x' }, { deadlineMs: 300 })
  const failure = await publishing.catch((error: unknown) => error)
  expect(failure).toMatchObject({
    code: 'BROKER_UNREACHABLE',
    message: expect.stringContaining('amqp://guest:***@127.0.0.1:1;amqp://127.0.0.1:2'),
  })
})

function appOn(broker_url: readonly string[]) {
  const app = createApp(
    new Config({
      queues: ['export'],
      broker_url,
      result_backend: null,
      dotenv: false,
      environment: {},
    }),
  )
  onTestFinished(() => app.close())
  return app
}

/** Another port of the broker, that can be shut. */
async function openDoor(target: URL) {
  const sockets = new Set<Socket>()
  let passed = 0
  const server: Server = createServer((client) => {
    passed += 1
    const broker = connect(Number(target.port) || 5672, target.hostname)
    for (const socket of [client, broker]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
    }
    client.pipe(broker).pipe(client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  }
  onTestFinished(close)
  return {
    port: (server.address() as AddressInfo).port,
    get passed() {
      return passed
    },
    close,
  }
}
