import { describe, expect, onTestFinished, test } from 'vitest'
import type { ExceptionInfo, TaskResult } from '../../src/protocol/results/task-result.ts'
import type { ResultStore } from '../../src/results/result-store.ts'
import { chordContract } from './chord-contract.ts'
import { failure, freshId, type OpenStore, started, success } from './stored-results.ts'

export { failure, freshId, type OpenStore, started, success } from './stored-results.ts'

export const VALUE_ERROR: ExceptionInfo = {
  excType: 'ValueError',
  excModule: 'builtins',
  excMessage: ['no good', 3],
}

/** Where backends differ in Python, too. */
export interface StoreHabits {
  /** Nothing is ever written over a SUCCESS. */
  readonly staysSuccessful?: boolean
}

/** What every result store promises: run it with a way to open one. */
export function resultStoreContract(
  name: string,
  openStore: OpenStore,
  { staysSuccessful = false }: StoreHabits = {},
): void {
  chordContract(name, openStore)
  describe(`${name} keeps its promises as a result store:`, () => {
    test('an id without a stored result is PENDING', async () => {
      const store = await open(openStore)
      expect(await store.get(freshId())).toMatchObject({ status: 'PENDING', result: null })
    })

    test.each<[string, unknown]>([
      ['a number', 5],
      ['a fraction', 0.1],
      ['null', null],
      ['false', false],
      ['empty text', ''],
      ['text beyond ASCII', 'grüße 🌱 \u0000 \u2028'],
      ['an integer beyond 2^53', 2n ** 70n],
      ['a list', [1, 'two', null, [true]]],
      ['an object', { slug: 'a', nested: { list: [1.5, -3] } }],
      ['an empty object', {}],
    ])('%s comes back as it was saved', async (_what, value) => {
      const store = await open(openStore)
      const saved = success(value)
      await store.save(saved)
      expect(await store.get(saved.taskId)).toMatchObject({ status: 'SUCCESS', result: value })
    })

    test('a key named __proto__ is a key like any other', async () => {
      const store = await open(openStore)
      const saved = success(JSON.parse('{"__proto__": {"admin": true}}'))
      await store.save(saved)
      const { result } = await store.get(saved.taskId)
      expect(Object.getOwnPropertyNames(result)).toEqual(['__proto__'])
      expect((result as { admin?: boolean }).admin).toBeUndefined()
    })

    test('what is changed after saving does not change what is stored', async () => {
      const store = await open(openStore)
      const value = { list: [1] }
      const saved = success(value)
      await store.save(saved)
      value.list.push(2)
      expect((await store.get(saved.taskId)).result).toEqual({ list: [1] })
    })

    test('a failure keeps the type, module and arguments of its exception, and its traceback', async () => {
      const store = await open(openStore)
      const saved = failure(VALUE_ERROR, 'Traceback …\nValueError: no good')
      await store.save(saved)
      expect(await store.get(saved.taskId)).toMatchObject({
        status: 'FAILURE',
        result: VALUE_ERROR,
        traceback: 'Traceback …\nValueError: no good',
      })
    })

    test('a failure without an exception is read as one', async () => {
      const store = await open(openStore)
      const saved: TaskResult = { ...failure(VALUE_ERROR, null), result: null }
      await store.save(saved)
      expect(await store.get(saved.taskId)).toMatchObject({ status: 'FAILURE', result: null })
    })

    test('the time a task was done is kept to the millisecond', async () => {
      const store = await open(openStore)
      const saved = { ...success(1), dateDone: new Date('2024-02-29T23:59:59.123Z') }
      await store.save(saved)
      expect((await store.get(saved.taskId)).dateDone).toEqual(saved.dateDone)
    })

    test('a custom state keeps what it was given, and is not ready', async () => {
      const store = await open(openStore)
      const saved: TaskResult = { ...success({ done: 3 }), status: 'PROGRESS', dateDone: null }
      await store.save(saved)
      expect(await store.get(saved.taskId)).toMatchObject({
        status: 'PROGRESS',
        result: { done: 3 },
        dateDone: null,
      })
      await expect(store.waitFor(saved.taskId, { timeoutMs: 30 })).rejects.toMatchObject({
        code: 'RESULT_TIMEOUT',
      })
    })

    test('the states of one task replace each other', async () => {
      const store = await open(openStore)
      const done = success(7)
      await store.save(started(done.taskId))
      await store.save(done)
      expect(await store.get(done.taskId)).toMatchObject({ status: 'SUCCESS', result: 7 })
    })

    test('a STARTED that comes late does not undo an outcome', async () => {
      const store = await open(openStore)
      const done = success(7)
      await store.save(done)
      await store.save(started(done.taskId))
      expect(await store.get(done.taskId)).toMatchObject({ status: 'SUCCESS', result: 7 })
    })

    test('the last of two outcomes counts', async () => {
      const store = await open(openStore)
      const failed = failure(VALUE_ERROR, 'Traceback')
      await store.save(failed)
      await store.save({ ...success(7), taskId: failed.taskId })
      expect(await store.get(failed.taskId)).toMatchObject({
        status: 'SUCCESS',
        result: 7,
        traceback: null,
      })
    })

    test('saves of one task made at once end with an outcome', async () => {
      const store = await open(openStore)
      const { taskId } = success(0)
      await Promise.all([
        store.save(started(taskId)),
        store.save({ ...success('first'), taskId }),
        store.save({ ...success('second'), taskId }),
      ])
      const result = staysSuccessful ? 'first' : 'second'
      expect(await store.get(taskId)).toMatchObject({ status: 'SUCCESS', result })
    })

    test('a value with no form in the store is refused alone, its neighbours are saved', async () => {
      const store = await open(openStore)
      const [before, after] = [success('before'), success('after')]
      const bad = success(() => 'no value')
      const [, refused] = await Promise.allSettled([
        store.save(before),
        store.save(bad),
        store.save(after),
      ])
      expect(refused).toMatchObject({
        status: 'rejected',
        reason: { code: 'VALUE_UNENCODABLE', message: expect.stringContaining(bad.taskId) },
      })
      expect((await store.get(bad.taskId)).status).toBe('PENDING')
      expect((await store.get(before.taskId)).result).toBe('before')
      expect((await store.get(after.taskId)).result).toBe('after')
    })

    test('a thousand saves at once are all kept', async () => {
      const store = await open(openStore)
      const saved = Array.from({ length: 1000 }, (_, n) => success({ n }))
      await Promise.all(saved.map((result) => store.save(result)))
      const read = await Promise.all(saved.map(({ taskId }) => store.get(taskId)))
      expect(read.map((result) => result.result)).toEqual(saved.map((result) => result.result))
    })

    test('waiting for a result that is there gives it at once', async () => {
      const store = await open(openStore)
      const saved = success('there')
      await store.save(saved)
      expect(await store.waitFor(saved.taskId, { timeoutMs: 5000 })).toMatchObject({
        result: 'there',
      })
    })

    test('waiting goes on through STARTED until the outcome', async () => {
      const store = await open(openStore)
      const done = success('done')
      const waiting = store.waitFor(done.taskId, { timeoutMs: 10_000 })
      await store.save(started(done.taskId))
      await store.save(done)
      expect(await waiting).toMatchObject({ status: 'SUCCESS', result: 'done' })
    })

    test('one store is notified of what another saves', async () => {
      const [reader, writer] = [await open(openStore), await open(openStore)]
      const failed = failure(VALUE_ERROR, null)
      const waiting = reader.waitFor(failed.taskId, { timeoutMs: 10_000 })
      await writer.save(failed)
      expect(await waiting).toMatchObject({ status: 'FAILURE', result: VALUE_ERROR })
    })

    test('all who wait for one result get it', async () => {
      const store = await open(openStore)
      const done = success([1, 2])
      const waiting = [1, 2, 3].map(() => store.waitFor(done.taskId, { timeoutMs: 10_000 }))
      await store.save(done)
      expect((await Promise.all(waiting)).map(({ result }) => result)).toEqual(
        waiting.map(() => [1, 2]),
      )
    })

    test('waiting ends with RESULT_TIMEOUT, which names the task', async () => {
      const store = await open(openStore)
      const taskId = freshId()
      await expect(store.waitFor(taskId, { timeoutMs: 20 })).rejects.toMatchObject({
        code: 'RESULT_TIMEOUT',
        message: expect.stringContaining(taskId),
      })
    })

    test("an aborted wait ends with the signal's reason", async () => {
      const store = await open(openStore)
      const abort = new AbortController()
      const waiting = store.waitFor(freshId(), { signal: abort.signal })
      abort.abort(new Error('changed my mind'))
      await expect(waiting).rejects.toThrow('changed my mind')
    })

    test('a wait whose signal is aborted already never starts', async () => {
      const store = await open(openStore)
      const done = success(1)
      await store.save(done)
      const signal = AbortSignal.abort(new Error('too late'))
      await expect(store.waitFor(done.taskId, { signal })).rejects.toThrow('too late')
    })

    test('a forgotten result is PENDING again, and forgetting twice is no mistake', async () => {
      const store = await open(openStore)
      const saved = success(1)
      await store.save(saved)
      await store.forget(saved.taskId)
      await store.forget(saved.taskId)
      expect((await store.get(saved.taskId)).status).toBe('PENDING')
    })

    test('closing ends the waits with RESULT_CLOSED, and whatever comes after', async () => {
      const store = await open(openStore)
      const waiting = expect(store.waitFor(freshId())).rejects.toMatchObject({
        code: 'RESULT_CLOSED',
      })
      await store.close()
      await store.close()
      await waiting
      await expect(store.save(success(1))).rejects.toMatchObject({ code: 'RESULT_CLOSED' })
      await expect(store.get(freshId())).rejects.toMatchObject({ code: 'RESULT_CLOSED' })
    })

    test('closing waits until what was being saved is safe', async () => {
      const [reader, writer] = [await open(openStore), await open(openStore)]
      const saved = Array.from({ length: 50 }, (_, n) => success(n))
      const saving = saved.map((result) => writer.save(result))
      await writer.close()
      await Promise.all(saving)
      const read = await Promise.all(saved.map(({ taskId }) => reader.get(taskId)))
      expect(read.map(({ status }) => status)).toEqual(saved.map(() => 'SUCCESS'))
    })
  })
}

async function open(openStore: OpenStore): Promise<ResultStore> {
  const store = await openStore()
  onTestFinished(() => store.close())
  return store
}
