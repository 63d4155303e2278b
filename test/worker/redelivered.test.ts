import { expect, onTestFinished, test, vi } from 'vitest'
import { deferred } from '../../src/async/deferred.ts'
import type { Delivery } from '../../src/brokers/broker.ts'
import { MemoryBroker } from '../../src/brokers/memory/memory-broker.ts'
import type { ConfigOptions } from '../../src/config/config.ts'
import type { CeleryApp } from '../../src/create-app.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'
import { listeningBroker } from '../support/listening-broker.ts'
import { waitFor } from '../support/wait-for.ts'

test('a message that is delivered again while its task runs here is settled with that run', async () => {
  const { app, gate, runs, call } = startable()
  await startWorker(app, { concurrency: 4 })
  const called = await call.delay()
  await waitFor('the run', () => runs.length === 1)
  for (const _ of [1, 2, 3]) loseAndRestore(app)
  await waitFor('the delivery', async () => (await depth(app)) === 0)
  gate.resolve()
  expect(await called.get({ timeoutMs: 5_000 })).toBe('done')
  expect(runs).toEqual([0])
  loseAndRestore(app)
  await waitFor('the end', async () => (await depth(app)) === 0)
  expect(runs).toEqual([0])
})

test('a task held for its eta runs once, however often its message is delivered again', async () => {
  const { app, gate, runs, call } = startable()
  gate.resolve()
  await startWorker(app, { concurrency: 4 })
  await call.applyAsync([], { countdown: 1 })
  await waitFor('the delivery', async () => (await depth(app)) === 0)
  loseAndRestore(app)
  await waitFor('the delivery again', async () => (await depth(app)) === 0)
  await waitFor('the run', () => runs.length > 0)
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(runs).toEqual([0])
})

test('a retry, which has the same id, runs although the attempt before it was delivered again', async () => {
  const app = embeddedApp({ task_acks_late: true })
  const gate = deferred()
  const retries: number[] = []
  const task = app.task('export.again', { bind: true, maxRetries: 1 }, async (self) => {
    retries.push(self.request.retries)
    await gate.promise
    if (self.request.retries === 0) throw self.retry({ countdown: 0 })
    return 'done'
  })
  await startWorker(app)
  const called = await task.delay()
  await waitFor('the run', () => retries.length === 1)
  loseAndRestore(app)
  await waitFor('the delivery', async () => (await depth(app)) === 0)
  gate.resolve()
  expect(await called.get({ timeoutMs: 5_000 })).toBe('done')
  expect(retries).toEqual([0, 1])
})

test('worker_deduplicate_successful_tasks: a message delivered again is acknowledged where its success is stored', async () => {
  const app = embeddedApp({ task_acks_late: true, worker_deduplicate_successful_tasks: true })
  const run = vi.fn(() => 'ran')
  const task = app.task('export.once', run)
  const called = await task.delay()
  const results = await app.results()
  const about = { traceback: null, dateDone: new Date() }
  await results.save({ taskId: called.id, status: 'SUCCESS', result: 'stored', ...about })
  // Delivered to a consumer that is lost.
  await app.broker().get('export')
  loseAndRestore(app)
  await startWorker(app)
  await waitFor('the end', async () => (await depth(app)) === 0)
  expect(await called.get({ timeoutMs: 1_000 })).toBe('stored')
  expect(run).not.toHaveBeenCalled()
})

test.each([
  { task_acks_late: true, reads: 'the same' },
  { task_acks_late: false, reads: 'the same' },
  { task_acks_late: true, reads: 'another' },
])(
  'a task whose acknowledgement was on its way when the connection fell does not run again (task_acks_late: $task_acks_late, it reads from $reads connection)',
  async ({ task_acks_late, reads }) => {
    const { app, gate, runs, call } = startable({ task_acks_late })
    if (reads === 'another') readFromAnother(app)
    gate.resolve()
    const deliveries = losingAcks(app, 2)
    await startWorker(app)
    await (await call.delay()).get({ timeoutMs: 5_000 })
    for (const attempt of [1, 2]) {
      await waitFor('the acknowledgement', () => deliveries[attempt - 1]?.acked)
      loseAndRestore(app)
    }
    await waitFor('the last acknowledgement', () => deliveries[2]?.delivery.isSettled)
    expect(runs).toEqual([0])
  },
)

test('a message that is delivered again while it is moved to its dead-letter queue is acknowledged', async () => {
  const app = embeddedApp({ task_acks_late: true, task_acks_on_failure_or_timeout: false })
  const run = vi.fn(() => {
    throw new Error('no')
  })
  const task = app.task('export.fails', run)
  const { isSending, gate } = slowDeadLetters(app)
  const worker = await startWorker(app)
  await task.delay()
  await waitFor('the dead letter', isSending)
  loseAndRestore(app)
  await waitFor('the delivery again', async () => (await depth(app)) === 0)
  gate.resolve()
  await waitFor('it', async () => (await app.broker().depth('dlq.export')).messages === 1)
  await worker.stop()
  expect(await depth(app)).toBe(0)
  expect(run).toHaveBeenCalledOnce()
})

test('a message that is delivered again while it is moved to the vault is acknowledged', async () => {
  const { app, runs, call } = startable()
  const worker = await startWorker(app)
  const gate = deferred()
  vi.spyOn(app.waiting, 'isWanted', 'get').mockReturnValue(true)
  const hold = vi.spyOn(app.waiting, 'hold').mockResolvedValueOnce(false)
  hold.mockImplementationOnce(async () => {
    await gate.promise
    return true
  })
  await call.applyAsync([], { countdown: 3_600 })
  await waitFor('the vault', () => hold.mock.calls.length === 2)
  loseAndRestore(app)
  await waitFor('the delivery again', async () => (await depth(app)) === 0)
  gate.resolve()
  await worker.stop()
  expect(await depth(app)).toBe(0)
  expect(runs).toEqual([])
})

test('worker_cancel_long_running_tasks_on_connection_loss: a late-acked task is in RETRY, with Celery’s event, and runs anew', async () => {
  const broker = await listeningBroker()
  const { app, gate, runs, call } = startable(
    {
      task_acks_late: true,
      worker_cancel_long_running_tasks_on_connection_loss: true,
      worker_send_task_events: true,
    },
    broker,
  )
  const states: unknown[] = []
  const results = await app.results()
  const save = results.save.bind(results)
  vi.spyOn(results, 'save').mockImplementation(async (result) => {
    if (result.status !== 'STARTED') states.push([result.status, result.result])
    await save(result)
  })
  await startWorker(app, { concurrency: 4 })
  const called = await call.delay()
  await waitFor('the run', () => runs.length === 1)
  loseAndRestore(app)
  await waitFor('the second run', () => runs.length === 2)
  await broker.until(
    'task-cancelled',
    ({ type, uuid }) => type === 'task-cancelled' && uuid === called.id,
  )
  gate.resolve()
  expect(await called.get({ timeoutMs: 5_000 })).toBe('done')
  expect(runs).toEqual([0, 0])
  expect(states).toEqual([
    [
      'RETRY',
      {
        excType: 'Retry',
        excModule: 'celery.exceptions',
        excMessage: ['Retry(Retry(...), None, None)', null, null],
      },
    ],
    ['SUCCESS', 'done'],
  ])
})

/** As with a broker_read_url of its own. */
function readFromAnother(app: CeleryApp): void {
  const reading = new MemoryBroker(app.broker().safeUrl.replace('memory://', ''))
  vi.spyOn(app, 'readingBroker').mockReturnValue(reading)
  onTestFinished(async () => reading.close())
}

/** The acknowledgements of the first so many deliveries never reach the broker. */
function losingAcks(app: CeleryApp, count: number) {
  const broker = app.readingBroker()
  const consume = broker.consume.bind(broker)
  const deliveries: { delivery: Delivery; acked: boolean }[] = []
  vi.spyOn(broker, 'consume').mockImplementation(async (queue, options, onDelivery) =>
    consume(queue, options, (delivery) => {
      const one = { delivery, acked: false }
      deliveries.push(one)
      if (deliveries.length <= count) {
        vi.spyOn(delivery, 'ack').mockImplementation(async () => {
          one.acked = true
        })
      }
      onDelivery(delivery)
    }),
  )
  return deliveries
}

function slowDeadLetters(app: CeleryApp) {
  const broker = app.broker()
  const publish = broker.publish.bind(broker)
  const gate = deferred()
  let isSending = false
  vi.spyOn(broker, 'publish').mockImplementation(async (message, route, options) => {
    if (route.routingKey.startsWith('dlq.')) {
      isSending = true
      await gate.promise
    }
    await publish(message, route, options)
  })
  return { gate, isSending: () => isSending }
}

function startable(
  settings: Partial<ConfigOptions> = { task_acks_late: true },
  broker?: MemoryBroker,
) {
  const app = embeddedApp(settings, broker === undefined ? {} : { broker })
  const gate = deferred()
  const runs: number[] = []
  const call = app.task('export.waits', { bind: true }, async (self) => {
    runs.push(self.request.retries)
    await gate.promise
    return 'done'
  })
  return { app, gate, runs, call }
}

function loseAndRestore(app: CeleryApp): void {
  const broker = app.readingBroker() as MemoryBroker // embeddedApp has no other
  broker.simulateLoss()
  broker.simulateRestore()
}

async function depth(app: CeleryApp): Promise<number> {
  return (await app.broker().depth('export')).messages
}
