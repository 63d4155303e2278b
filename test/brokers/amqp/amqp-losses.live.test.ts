import { expect, onTestFinished, test } from 'vitest'
import { AmqpBroker } from '../../../src/brokers/amqp/amqp-broker.ts'
import { freshVhost } from '../../support/rabbitmq.ts'
import { rabbitmqctl } from '../../support/rabbitmqctl.ts'
import { waitFor } from '../../support/wait-for.ts'
import { collecting, opened, publishing, route, text, work } from './flow.ts'

test('a storm of closed connections loses nothing that is published and consumed meanwhile', async () => {
  const vhost = await freshVhost()
  const broker = opened(vhost.url)
  await broker.declare(work)
  const received = await collecting(broker)
  const flow = publishing(broker)
  for (const _ of [1, 2, 3, 4]) await vhost.closeConnections()
  const sent = await flow.stop()
  await waitFor('every message', () => sent.every((text) => received.has(text)))
  expect(sent.length).toBeGreaterThan(100)
})

test('a missing exchange in the middle of a flood costs only the messages for it', async () => {
  const vhost = await freshVhost()
  const broker = opened(vhost.url)
  await broker.declare(work)
  const received = await collecting(broker)
  const outcomes = await Promise.allSettled(
    Array.from({ length: 2000 }, (_, n) =>
      broker.publish(
        text(String(n)),
        n % 500 === 250 ? { exchange: 'gone', routingKey: 'x' } : route,
      ),
    ),
  )
  const refused = outcomes.flatMap(({ status }, n) => (status === 'rejected' ? [n] : []))
  expect(refused).toEqual([250, 750, 1250, 1750])
  await waitFor('the others', () => received.size === 1996)
})

test('a queue deleted under its consumer in the middle of a flood is consumed again', async () => {
  const vhost = await freshVhost()
  const broker = opened(vhost.url)
  await broker.declare(work)
  const received = await collecting(broker)
  await vhost.rabbitmqctl('delete_queue', 'work')
  await waitFor('the queue', async () => (await broker.depth('work')).consumers === 1)
  await broker.publishMany(
    Array.from({ length: 500 }, (_, n) => ({ message: text(String(n)), route })),
  )
  await waitFor('every message', () => received.size === 500)
})

test('many mandatory messages, alike or not, are refused exactly where no queue takes them', async () => {
  const vhost = await freshVhost()
  const broker = opened(vhost.url)
  await broker.declare(work)
  const keys = Array.from({ length: 3000 }, (_, n) => (n % 7 === 0 ? 'nobody' : 'work'))
  const outcomes = await Promise.allSettled(
    keys.map((routingKey, n) =>
      broker.publish(
        text(`alike ${n % 5}`),
        { exchange: 'tasks', routingKey },
        { mandatory: true },
      ),
    ),
  )
  expect(outcomes.map(({ status }) => status)).toEqual(
    keys.map((key) => (key === 'nobody' ? 'rejected' : 'fulfilled')),
  )
})

test('a publish to a server that is away is given up at its deadline, without the password', async () => {
  const broker = opened('amqp://me:hidden@127.0.0.1:1/v')
  const failure = await broker.publish(text('x'), route, { deadlineMs: 50 }).catch((cause) => cause)
  expect(failure).toMatchObject({
    code: 'BROKER_UNREACHABLE',
    message: expect.stringMatching(
      /exchange "tasks".*key "work".*amqp:\/\/me:\*\*\*@127\.0\.0\.1:1\/v/,
    ),
  })
  expect(`${failure.message} ${failure.stack}`).not.toContain('hidden')
})

test('the first connection is sought until its time is up', async () => {
  const broker = new AmqpBroker({ url: 'amqp://127.0.0.1:1', connectTimeoutMs: 300 })
  onTestFinished(() => broker.close())
  const startedAt = performance.now()
  await expect(broker.declare(work)).rejects.toMatchObject({
    code: 'BROKER_UNREACHABLE',
    message: expect.stringMatching(/amqp:\/\/127\.0\.0\.1:1.*ECONNREFUSED/),
  })
  expect(performance.now() - startedAt).toBeGreaterThan(250)
})

test('a wrong password and a missing virtual host are reported at once', async () => {
  const vhost = await freshVhost()
  const wrong = new URL(vhost.url)
  wrong.password = 'wrong-password'
  const missing = new URL(vhost.url)
  missing.pathname = '/no-such-vhost'
  const startedAt = performance.now()
  await expect(opened(wrong.href).declare(work)).rejects.toMatchObject({
    code: 'BROKER_UNREACHABLE',
    message: expect.stringMatching(/^(?!.*wrong-password).*refused/i),
  })
  await expect(opened(missing.href).declare(work)).rejects.toMatchObject({
    code: 'BROKER_UNREACHABLE',
    message: expect.stringMatching(/no-such-vhost: the virtual host does not exist/),
  })
  expect(performance.now() - startedAt).toBeLessThan(5000)
})

test('the connection is named, and its heartbeat is set', async () => {
  const vhost = await freshVhost()
  const broker = new AmqpBroker({
    url: vhost.url,
    connectionName: 'a test of names',
    heartbeatSeconds: 17,
  })
  onTestFinished(() => broker.close())
  await broker.declare(work)
  const seen = await waitFor('the connection', async () => {
    const list = await rabbitmqctl('list_connections', 'vhost', 'timeout', 'client_properties')
    return list.split('\n').find((line) => line.startsWith(vhost.name))
  })
  expect(seen).toContain('a test of names')
  expect(seen.split('\t')[1]).toBe('17')
})
