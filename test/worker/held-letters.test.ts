import { expect, test, vi } from 'vitest'
import { BrokerError } from '../../src/errors.ts'
import { Reject } from '../../src/index.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'
import { waitFor } from '../support/wait-for.ts'

const ROUTE = { exchange: '', routingKey: 'export' }

test('a message that can neither be run nor kept is held, its queue is not consumed, and it is kept once in the end', async () => {
  const app = embeddedApp()
  const broker = app.broker()
  const publish = broker.publish.bind(broker)
  let refusals = 0
  const refused = vi
    .spyOn(broker, 'publish')
    .mockImplementation(async (message, route, options) => {
      if (!route.routingKey.startsWith('dlq.')) return publish(message, route, options)
      refusals += 1
      throw new BrokerError('PUBLISH_REFUSED', 'the queue is full')
    })
  const worker = await startWorker(app)
  const body = Buffer.from('not a task')
  await publish({ headers: { CC: ['export'] }, properties: {}, body }, ROUTE)
  await waitFor('the problem', () => worker.problems.length === 1)
  expect(worker.problems).toMatchObject([
    { queue: 'export', reason: expect.stringMatching(/dlq\.export.*full/) },
  ])
  await waitFor('the end of consuming', async () => (await broker.depth('export')).consumers === 0)
  await waitFor('another try', () => refusals === 2)
  refused.mockRestore()
  await waitFor('the kept message', async () => (await broker.depth('dlq.export')).messages === 1)
  await waitFor('the consumer', async () => (await broker.depth('export')).consumers === 1)
  expect(worker.problems).toEqual([])
  expect(await broker.depth('export')).toMatchObject({ messages: 0 })
})

test('a message that is held goes back to its queue when the worker stops', async () => {
  const app = embeddedApp()
  const broker = app.broker()
  const publish = broker.publish.bind(broker)
  const worker = await startWorker(app)
  vi.spyOn(broker, 'publish').mockRejectedValue(new BrokerError('PUBLISH_REFUSED', 'no'))
  await publish({ headers: {}, properties: {}, body: Buffer.from('x') }, ROUTE)
  await waitFor('the problem', () => worker.problems.length === 1)
  await worker.stop()
  expect(await broker.depth('export')).toMatchObject({ messages: 1 })
})

test('a task that gives its message back again and again runs less than once a second', async () => {
  const app = embeddedApp({ task_acks_late: true })
  const ranAt: number[] = []
  const refuses = app.task('export.refuses', () => {
    ranAt.push(performance.now())
    throw new Reject('not yet', { requeue: true })
  })
  await startWorker(app)
  await refuses.delay()
  await waitFor('three runs', () => ranAt.length === 3)
  const [first = 0, second = 0, third = 0] = ranAt
  expect(second - first).toBeGreaterThan(1_000)
  expect(third - second).toBeGreaterThan(second - first)
})
