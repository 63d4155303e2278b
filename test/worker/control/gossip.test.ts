import { expect, onTestFinished, test } from 'vitest'
import { sleep } from '../../../src/async/sleep.ts'
import { Elections } from '../../../src/worker/control/elections.ts'
import { embeddedApp, recordingLogger, startWorker } from '../../support/embedded-app.ts'
import { listeningBroker } from '../../support/listening-broker.ts'
import { waitFor } from '../../support/wait-for.ts'

const WAIT = { timeoutMs: 8_000 }

test('a worker that starts asks the others what is revoked, and goes on from their clock', async () => {
  const { app, add } = mingling()
  await startWorker(app, { name: 'w1@test', queues: ['export'] })
  await app.control.revoke('known', { reply: true, destination: ['w1@test'] })
  await app.asyncResult('known').forget()
  app.clock.adjust(5_000)
  const other = embeddedApp({ broker_url: app.config.brokerUrl, queues: ['export', 'late'] })
  await startWorker(other, { name: 'w2@test', queues: ['late'] })
  expect(await other.control.inspect({ destination: 'w2@test' }).revoked()).toEqual({
    'w2@test': ['known'],
  })
  expect(other.clock.value).toBeGreaterThan(5_000)
  expect(await (await add.delay(1, 1)).get(WAIT)).toBe(2)
})

test('with mingle off no worker is asked', async () => {
  const { app } = mingling()
  await startWorker(app, { name: 'w1@test' })
  await app.control.revoke('known', { reply: true, destination: ['w1@test'] })
  const other = embeddedApp({ broker_url: app.config.brokerUrl })
  await startWorker(other, { name: 'w2@test', mingle: false })
  expect(await other.control.inspect({ destination: 'w2@test' }).revoked()).toEqual({
    'w2@test': [],
  })
})

test('of the workers that stand for an election the one with the lowest clock calls the task', async () => {
  const calls: unknown[] = []
  const told: unknown[] = []
  const elections = electing({ calls, told })
  elections.onEvent({ ...candidacy('other@test', 9), topic: 'task' })
  run(elections, { id: 'one', topic: 'task', action: { task: 'export.add' } })
  elections.onEvent({ ...candidacy('w1@test', 7), topic: 'task', action: { task: 'export.add' } })
  await waitFor('the call', () => calls.length === 1)
  expect(calls).toEqual([{ task: 'export.add' }])
  expect(told).toEqual([
    ['worker-elect-ack', { id: 'one' }],
    ['worker-elect', { id: 'one', topic: 'task', action: { task: 'export.add' }, cver: 1 }],
    ['worker-elect-ack', { id: 'one' }],
  ])
})

test('of equal clocks the first name wins, and the others do nothing', async () => {
  const calls: unknown[] = []
  const elections = electing({ calls, told: [] })
  run(elections, { id: 'one', topic: 'task' })
  elections.onEvent(candidacy('w1@test', 7))
  elections.onEvent(candidacy('a@test', 7))
  await sleep(60)
  expect(calls).toEqual([])
})

test.each([{ toString: 1 }, null, [], undefined])(
  'a candidate whose name or process is %j is none, and keeps none of the others out',
  async (odd) => {
    const calls: unknown[] = []
    const elections = electing({ calls, told: [] })
    run(elections, { id: 'one', topic: 'task' })
    elections.onEvent({ ...candidacy('w1@test', 1), hostname: odd })
    elections.onEvent({ ...candidacy('w1@test', 1), pid: odd })
    elections.onEvent({ ...candidacy('w1@test', 7), action: { task: 'export.add' } })
    await waitFor('the call', () => calls.length === 1)
    expect(calls).toEqual([{ task: 'export.add' }])
  },
)

test('an election without an id or a topic is refused', () => {
  const elections = electing({ calls: [], told: [] })
  expect(() => run(elections, { topic: 'task' })).toThrow('id is None, expected a text')
  expect(() => run(elections, { id: 'x', topic: 3 })).toThrow('topic is 3, expected a text')
})

test('workers hold an election over their broker', async () => {
  const broker = await listeningBroker()
  const app = embeddedApp({}, { broker })
  const runs: number[] = []
  app.task('export.note', (n: number) => runs.push(n))
  await startWorker(app, { name: 'w1@test' })
  await startWorker(app, { name: 'w2@test' })
  const action = { task: 'export.note', args: [1], kwargs: {}, options: {} }
  await app.control.election('one', 'task', action)
  await waitFor('one of them to call it', () => runs.length === 1)
  await broker.until('an acknowledgement', ({ type }) => type === 'worker-elect-ack')
  expect(runs).toEqual([1])
})

function mingling() {
  const app = embeddedApp()
  const add = app.task('export.add', (a: number, b: number) => a + b)
  return { app, add }
}

function electing({ calls, told }: { calls: unknown[]; told: unknown[] }): Elections {
  const elections = new Elections({
    name: 'w1@test',
    emit: (type, fields) => told.push([type, fields]),
    callTask: (signature) => Promise.resolve(calls.push(signature)),
    logger: recordingLogger(),
    waitMs: 20,
  })
  onTestFinished(() => elections.close())
  return elections
}

function candidacy(hostname: string, clock: number) {
  const { pid } = process
  return { type: 'worker-elect', id: 'one', hostname, pid, clock, topic: 'task', action: null }
}

function run(elections: Elections, args: Readonly<Record<string, unknown>>): void {
  for (const [name, command] of elections.commands) if (name === 'election') command(args)
}
