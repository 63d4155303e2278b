import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import type { Broker } from '../../../src/brokers/broker.ts'
import { MemoryBroker } from '../../../src/brokers/memory/memory-broker.ts'
import type { TaskResult } from '../../../src/protocol/results/task-result.ts'
import { openResultStore } from '../../../src/results/open-result-store.ts'
import { RpcResultStore, type RpcStoreOptions } from '../../../src/results/rpc/rpc-store.ts'
import { failure, freshId, started, success } from '../../contracts/stored-results.ts'

test('a result reaches its caller in the calling process', async () => {
  const { caller, worker, replyTo } = await openPair()
  const done = { ...success({ total: 5 }), replyTo }
  const waiting = caller.waitFor(done.taskId, { timeoutMs: 5000 })
  await worker.save({ ...started(done.taskId), replyTo })
  await worker.save(done)
  expect(await waiting).toMatchObject({ status: 'SUCCESS', result: { total: 5 } })
})

test('a result that came before anybody asked is kept for who asks', async () => {
  const { caller, worker, replyTo } = await openPair()
  const done = { ...success('early'), replyTo }
  const after = { ...success('after'), replyTo }
  await worker.save(done)
  await worker.save(after)
  await caller.waitFor(after.taskId, { timeoutMs: 5000 })
  expect(await caller.get(done.taskId)).toMatchObject({ result: 'early' })
  expect(await caller.waitFor(done.taskId)).toMatchObject({ result: 'early' })
  await caller.forget(done.taskId)
  expect(await caller.get(done.taskId)).toMatchObject({ status: 'PENDING' })
})

test('the latest state of a task counts, but a final one stays', async () => {
  const { caller, worker, replyTo } = await openPair()
  const failed = {
    ...failure({ excType: 'ValueError', excModule: 'builtins', excMessage: ['no'] }, 'Traceback'),
    replyTo,
  }
  await worker.save({ ...started(failed.taskId), replyTo })
  await worker.save({ ...success({ done: 1 }), taskId: failed.taskId, status: 'PROGRESS', replyTo })
  await settled({ caller, worker, replyTo })
  expect(await caller.get(failed.taskId)).toMatchObject({
    status: 'PROGRESS',
    result: { done: 1 },
  })
  await worker.save(failed)
  await worker.save({ ...started(failed.taskId), replyTo })
  await settled({ caller, worker, replyTo })
  expect(await caller.get(failed.taskId)).toMatchObject({
    status: 'FAILURE',
    result: failed.result,
    traceback: 'Traceback',
  })
})

test('only so many results are kept: the oldest go', async () => {
  const { caller, worker, replyTo } = await openPair({ keptResults: 2 })
  const results = [1, 2, 3].map((value) => ({ ...success(value), replyTo }))
  for (const result of results) await worker.save(result)
  await caller.waitFor(results[2]?.taskId ?? '', { timeoutMs: 5000 })
  const states = await Promise.all(results.map(({ taskId }) => caller.get(taskId)))
  expect(states.map(({ status }) => status)).toEqual(['PENDING', 'SUCCESS', 'SUCCESS'])
})

test('a result without a reply queue is sent nowhere', async () => {
  const { worker } = await openPair()
  await worker.save(success(1))
  await worker.save({ ...success(1), replyTo: 'nobody-listens' })
})

test('a value without a form is refused', async () => {
  const { worker, replyTo } = await openPair()
  const bad: TaskResult = { ...success(() => 1), replyTo }
  await expect(worker.save(bad)).rejects.toMatchObject({
    code: 'VALUE_UNENCODABLE',
    message: expect.stringContaining(bad.taskId),
  })
})

test('a reply that cannot be read rejects the wait for its task alone', async () => {
  const { broker, caller, replyTo } = await openPair()
  const [taskId, other] = [freshId(), freshId()]
  const waiting = caller.waitFor(taskId, { timeoutMs: 5000 })
  const patient = caller.waitFor(other, { timeoutMs: 50 })
  await broker.publish(
    {
      headers: {},
      properties: { contentType: 'application/x-python-serialize', correlationId: taskId },
      body: Buffer.from('cos\nsystem\n.'),
    },
    { exchange: '', routingKey: replyTo },
  )
  await expect(waiting).rejects.toMatchObject({ code: 'RESULT_UNREADABLE' })
  await expect(patient).rejects.toMatchObject({ code: 'RESULT_TIMEOUT' })
})

test('a reply that cannot be read is refused to those who ask later, too, but where a good one has come before', async () => {
  const { broker, worker, caller, replyTo } = await openPair()
  const [taskId, other] = [freshId(), freshId()]
  await caller.beforePublish()
  await worker.save({ ...success('good'), taskId: other, replyTo })
  for (const correlationId of [other, taskId])
    await broker.publish(
      {
        headers: {},
        properties: { contentType: 'application/json', correlationId },
        body: Buffer.from('[['),
      },
      { exchange: '', routingKey: replyTo },
    )
  const refused = { code: 'RESULT_UNREADABLE', message: expect.stringMatching(`${taskId}.*rpc://`) }
  await expect(caller.waitFor(taskId, { timeoutMs: 5000 })).rejects.toMatchObject(refused)
  await expect(caller.get(taskId)).rejects.toMatchObject(refused)
  expect(await caller.get(other)).toMatchObject({ result: 'good' })
})

test('groups cannot be kept, and the error says what can', async () => {
  const { caller } = await openPair()
  const expected = { code: 'RESULT_UNSUPPORTED', message: expect.stringContaining('rpc:// cannot') }
  await expect(caller.saveGroup('g')).rejects.toMatchObject(expected)
  await expect(caller.restoreGroup('g')).rejects.toMatchObject(expected)
  expect(caller).not.toHaveProperty('chords')
})

test('closing ends the waits with RESULT_CLOSED, and whatever comes after', async () => {
  const { caller } = await openPair()
  const waiting = expect(caller.waitFor(freshId())).rejects.toMatchObject({ code: 'RESULT_CLOSED' })
  await caller.close()
  await waiting
  await expect(caller.save(success(1))).rejects.toMatchObject({ code: 'RESULT_CLOSED' })
  await expect(caller.beforePublish()).rejects.toMatchObject({ code: 'RESULT_CLOSED' })
})

test('rpc:// needs the broker of an app, and says so', async () => {
  await expect(openResultStore({ result_backend: 'rpc://' })).rejects.toMatchObject({
    code: 'RESULT_UNSUPPORTED',
  })
  const broker = await openBroker()
  await using store = await openResultStore(
    { result_backend: 'rpc://' },
    { broker: async () => broker, replyTo: 'r' },
  )
  expect(store.kind).toBe('rpc')
})

interface Pair {
  readonly broker: Broker
  readonly caller: RpcResultStore
  readonly worker: RpcResultStore
  readonly replyTo: string
}

/** The store of a process that calls, and of one that runs tasks. */
async function openPair(options: Partial<RpcStoreOptions> = {}): Promise<Pair> {
  const [broker, replyTo] = [await openBroker(), randomUUID()]
  const open = (queue: string) => {
    const store = new RpcResultStore({ broker: async () => broker, replyTo: queue, ...options })
    onTestFinished(() => store.close())
    return store
  }
  const [caller, worker] = [open(replyTo), open(randomUUID())]
  await caller.beforePublish()
  return { broker, caller, worker, replyTo }
}

/** Resolves when the caller has everything that was sent before. */
async function settled({ caller, worker, replyTo }: Omit<Pair, 'broker'>): Promise<void> {
  const last = { ...success('last'), replyTo }
  await worker.save(last)
  await caller.waitFor(last.taskId, { timeoutMs: 5000 })
}

async function openBroker(): Promise<Broker> {
  const broker = new MemoryBroker(randomUUID())
  onTestFinished(() => broker.close())
  return broker
}
