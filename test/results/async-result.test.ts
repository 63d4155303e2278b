import { expect, onTestFinished, test, vi } from 'vitest'
import { TaskFailedError } from '../../src/errors.ts'
import { AsyncResult } from '../../src/results/async-result.ts'
import { MemoryResultStore } from '../../src/results/memory/memory-store.ts'
import { nodeOfTuple, resultOf } from '../../src/results/result-of.ts'
import { failure, freshId, started, success } from '../contracts/result-store-contract.ts'

test('an AsyncResult waits for the return value of its task', async () => {
  const { store, resultOf } = openStore()
  const done = success({ total: 5 })
  const waiting = resultOf<{ total: number }>(done.taskId).get({ timeoutMs: 5000 })
  await store.save(done)
  expect((await waiting).total).toBe(5)
})

test('a failed task throws TaskFailedError with the type, arguments and traceback of its exception', async () => {
  const { store, resultOf } = openStore()
  const exception = { excType: 'CustomError', excModule: 'proj.app', excMessage: [42, 'bad thing'] }
  const failed = failure(exception, 'Traceback …')
  await store.save(failed)
  const getting = resultOf(failed.taskId).get()
  await expect(getting).rejects.toBeInstanceOf(TaskFailedError)
  await expect(getting).rejects.toMatchObject({
    message: 'CustomError: 42, bad thing',
    taskId: failed.taskId,
    state: 'FAILURE',
    excType: 'CustomError',
    excModule: 'proj.app',
    excArgs: [42, 'bad thing'],
    traceback: 'Traceback …',
  })
})

test('a failure is what get() gives where it is not to be thrown', async () => {
  const { store, resultOf } = openStore()
  const failed = failure({ excType: 'CustomError', excModule: 'proj.app', excMessage: [42] }, '')
  await store.save(failed)
  const result = resultOf(failed.taskId)
  expect(await result.get({ propagate: false })).toMatchObject({ excType: 'CustomError' })
  const waiting = resultOf(freshId()).get({ propagate: false, timeoutMs: 0 })
  await expect(waiting).rejects.toMatchObject({ code: 'RESULT_TIMEOUT' })
})

test('a failure that was stored without its exception throws all the same', async () => {
  const { store, resultOf } = openStore()
  const failed = { ...success(null), status: 'FAILURE' }
  await store.save(failed)
  await expect(resultOf(failed.taskId).get()).rejects.toMatchObject({
    code: 'TASK_FAILED',
    excType: 'Exception',
  })
})

test('a revoked task throws TaskFailedError with the state REVOKED', async () => {
  const { store, resultOf } = openStore()
  const revoked = { ...success(null), status: 'REVOKED' }
  await store.save(revoked)
  await expect(resultOf(revoked.taskId).get()).rejects.toMatchObject({
    state: 'REVOKED',
    excType: 'TaskRevokedError',
  })
})

test('children in a circle, as others may store them, are gone through once', async () => {
  const { store, resultOf } = openStore()
  const [first, second] = [success('first'), success('second')]
  const childOf = ({ taskId }: { readonly taskId: string }) => [[[taskId, null], null]]
  await store.save({ ...first, children: childOf(second) })
  await store.save({ ...second, children: [...childOf(first), ...childOf(second)] })
  const ids: string[] = []
  for await (const [, { id }] of resultOf(first.taskId).dependencies()) ids.push(id)
  expect(ids).toEqual([first.taskId, second.taskId])
})

test('an AsyncResult shows the progress of a task', async () => {
  const { store, resultOf } = openStore()
  const done = success('fine')
  const result = resultOf(done.taskId)
  expect([await result.status(), await result.isReady()]).toEqual(['PENDING', false])
  await store.save(started(done.taskId))
  expect([await result.status(), await result.isReady()]).toEqual(['STARTED', false])
  await store.save(done)
  expect([await result.status(), await result.isReady()]).toEqual(['SUCCESS', true])
  expect([await result.isSuccessful(), await result.isFailed()]).toEqual([true, false])
  expect(await result.result()).toBe('fine')
  expect(await result.info()).toMatchObject({ dateDone: done.dateDone, traceback: null })
})

test('an AsyncResult forgets its task', async () => {
  const { store, resultOf } = openStore()
  const done = success(1)
  await store.save(done)
  await resultOf(done.taskId).forget()
  expect(await resultOf(done.taskId).status()).toBe('PENDING')
})

test('an AsyncResult opens its store only when it is asked', async () => {
  let opened = 0
  const result = new AsyncResult(freshId(), {
    taskName: 'export.add',
    store: async () => {
      opened += 1
      return openStore().store
    },
  })
  expect([result.taskName, opened]).toEqual(['export.add', 0])
  await result.status()
  expect(opened).toBe(1)
})

function openStore() {
  const store = new MemoryResultStore({ name: 'async-result' })
  onTestFinished(() => store.close())
  const resultOf = <Value>(id: string) => new AsyncResult<Value>(id, { store: async () => store })
  return { store, resultOf }
}

test('a chord in the header of another that failed ends the wait for the outer one, though nothing is stored of that', async () => {
  const { store } = openStore()
  const error = { excType: 'ChordError', excModule: 'celery.exceptions', excMessage: ['inner'] }
  await store.save({ ...failure(error, null), taskId: 'inner-body' })
  const innerHeader = [['inner', null], [[['a', null], null]]]
  const innerBody = [['inner-body', innerHeader], null]
  const header = [
    ['outer', null],
    [[['b', null], null], innerBody],
  ]
  const outer = resultOf(nodeOfTuple([['outer-body', header], null]), { store: async () => store })
  await expect(outer.get({ timeoutMs: 5_000 })).rejects.toThrow('inner')
})

test('a member of a header that failed a while ago ends the wait for a body of which nothing is ever stored', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'Date'] })
  onTestFinished(() => void vi.useRealTimers())
  const { store } = openStore()
  const error = { excType: 'ValueError', excModule: 'builtins', excMessage: ['lost'] }
  await store.save({ ...failure(error, null), taskId: 'b' })
  const header = [
    ['header', null],
    [
      [['a', null], null],
      [['b', null], null],
    ],
  ]
  const body = resultOf(nodeOfTuple([['body', header], null]), { store: async () => store })
  const ended = body.get({ timeoutMs: 60_000 }).catch((reason: Error) => reason)
  await vi.advanceTimersByTimeAsync(15_000)
  expect(String(await ended)).toContain('ValueError: lost')
})
