import { expect, onTestFinished, test } from 'vitest'
import { openBroker } from '../../src/brokers/open-broker.ts'
import { startWorker } from '../support/embedded-app.ts'
import { freshServers, liveApp } from '../support/live-app.ts'

test('calls go to broker_write_url, and workers take from broker_read_url', async () => {
  const [write, read] = [await freshServers(['export']), await freshServers(['export'])]
  const app = liveApp(write, {
    broker_url: 'amqp://127.0.0.1:1',
    broker_write_url: write.vhost.url,
    broker_read_url: read.vhost.url,
  })
  const ran: string[] = []
  const task = app.task('export.note', (text: string) => void ran.push(text))
  const worker = await startWorker(app)
  await task.delay('for the other side')
  const writing = openBroker({ url: write.vhost.url })
  onTestFinished(() => writing.close())
  expect((await writing.depth('export')).messages).toBe(1)
  // What an operator would have a federation do.
  const delivery = await writing.get('export')
  const reading = openBroker({ url: read.vhost.url })
  onTestFinished(() => reading.close())
  if (delivery === undefined) throw new Error('no message')
  await reading.publish(
    delivery.message,
    { exchange: '', routingKey: 'export' },
    { mandatory: true },
  )
  await delivery.ack()
  await expect.poll(() => ran).toEqual(['for the other side'])
  await worker.stop()
})

test('a producer needs the broker that it writes to, and no other', async () => {
  const write = await freshServers(['export'])
  const app = liveApp(write, {
    broker_url: 'amqp://127.0.0.1:1',
    broker_write_url: write.vhost.url,
    result_backend: 'rpc://',
  })
  await app.task('export.note', () => undefined).delay()
  const writing = openBroker({ url: write.vhost.url })
  onTestFinished(() => writing.close())
  expect((await writing.depth('export')).messages).toBe(1)
  await expect(app.setUp()).rejects.toMatchObject({ code: 'BROKER_UNREACHABLE' })
})

test('worker_direct gives a worker a queue of its own, as Python declares it', async () => {
  const servers = await freshServers(['export'])
  const app = liveApp(servers, { worker_direct: true })
  const ran: string[] = []
  const task = app.task('export.note', (text: string) => void ran.push(text))
  await startWorker(app, { name: 'one@here' })
  await task.applyAsync(['direct'], { exchange: 'C.dq2', routingKey: 'one@here' })
  await expect.poll(() => ran).toEqual(['direct'])
  const bindings = await servers.vhost.rabbitmqctl(
    'list_bindings',
    'source_name',
    'destination_name',
    'routing_key',
  )
  expect(bindings).toContain('C.dq2\tone@here.dq2\tone@here')
})
