import { expect, onTestFinished, test, vi } from 'vitest'
import { type Deferred, deferred } from '../../../src/async/deferred.ts'
import { DatabaseError } from '../../../src/errors.ts'
import { silentLogger } from '../../../src/logger.ts'
import type { TaskResult } from '../../../src/protocol/results/task-result.ts'
import { BatchWriter } from '../../../src/results/postgres/saving/batch-writer.ts'
import { encodeRow, type TaskmetaRow } from '../../../src/results/taskmeta-row.ts'
import { started, success } from '../../contracts/result-store-contract.ts'

test('what is saved while batches are on their way goes together in the next', async () => {
  const { table, save } = writerTo(manualTable())
  const first = save(success(1))
  const opening = await table.nextBatch()
  const second = save(success(2))
  const other = await table.nextBatch()
  const more = Array.from({ length: 50 }, (_, n) => save(success(n)))
  opening.commit()
  const gathered = await table.nextBatch()
  expect([opening.rows.length, other.rows.length, gathered.rows.length]).toEqual([1, 1, 50])
  other.commit()
  gathered.commit()
  await Promise.all([first, second, ...more])
})

test('a batch holds no more than a thousand rows or a megabyte', async () => {
  const { table, save } = writerTo(manualTable())
  const small = Array.from({ length: 1500 }, (_, n) => save(success(n)))
  const [one, two] = [await table.nextBatch(), await table.nextBatch()]
  expect([one.rows.length, two.rows.length]).toEqual([1000, 500])
  one.commit()
  two.commit()
  await Promise.all(small)
  const heavy = Array.from({ length: 8 }, () => save(success('x'.repeat(200_000))))
  const [three, four] = [await table.nextBatch(), await table.nextBatch()]
  expect([three.rows.length, four.rows.length]).toEqual([5, 3])
  three.commit()
  four.commit()
  await Promise.all(heavy)
})

test('the second state of a task waits until the first is written', async () => {
  const { table, save } = writerTo(manualTable())
  const done = success('done')
  const saves = [save(started(done.taskId))]
  const first = await table.nextBatch()
  saves.push(save(done), save(success('another')))
  const second = await table.nextBatch()
  expect(second.rows.map(({ taskId }) => taskId)).not.toContain(done.taskId)
  first.commit()
  const third = await table.nextBatch()
  expect(third.rows).toMatchObject([{ taskId: done.taskId, status: 'SUCCESS' }])
  second.commit()
  third.commit()
  await Promise.all(saves)
})

test('of the states of one task that wait together only the last is written, and all saves resolve', async () => {
  const { table, save } = writerTo(manualTable())
  const done = success('done')
  const saves = [save(started(done.taskId)), save(done), save(started(done.taskId))]
  const batch = await table.nextBatch()
  expect(batch.rows).toMatchObject([{ taskId: done.taskId, status: 'SUCCESS' }])
  batch.commit()
  await Promise.all(saves)
})

test('big rows go alone, and while one is on its way small ones pass', async () => {
  const { table, save } = writerTo(manualTable())
  const saves = [save(success('x'.repeat(300_000))), save(success('y'.repeat(300_000)))]
  const big = await table.nextBatch()
  expect(big.rows).toHaveLength(1)
  saves.push(save(success('small')))
  const small = await table.nextBatch()
  expect(small.rows[0]?.byteLength).toBeLessThan(1000)
  small.commit()
  big.commit()
  const second = await table.nextBatch()
  second.commit()
  await Promise.all(saves)
})

test('a server that comes back in time gets every row', async () => {
  let isAway = true
  const written: string[] = []
  const { save } = writerTo({
    ...untouchedTable,
    write: async (rows) => {
      if (isAway) throw new DatabaseError('DATABASE_UNREACHABLE', 'cannot reach it')
      written.push(...rows.map(({ taskId }) => taskId))
      return []
    },
  })
  const results = [success(1), success(2)]
  const saves = results.map(save)
  await new Promise(setImmediate)
  isAway = false
  await Promise.all(saves)
  expect(new Set(written)).toEqual(new Set(results.map(({ taskId }) => taskId)))
})

test('a server that stays away rejects each save at its deadline, saying why', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const { save, writer } = writerTo({
    ...untouchedTable,
    write: async () => {
      throw new DatabaseError('DATABASE_UNREACHABLE', 'cannot reach db.example')
    },
  })
  const result = success(1)
  const saving = expect(save(result)).rejects.toMatchObject({
    code: 'RESULT_UNSAVED',
    message: expect.stringMatching(`${result.taskId}.*cannot reach db.example`),
  })
  await new Promise(setImmediate)
  await vi.advanceTimersByTimeAsync(5000)
  await saving
  await writer.drain()
})

test('a server that never answers rejects each save at its deadline too', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const { save } = writerTo({ ...untouchedTable, write: () => new Promise(() => undefined) })
  const saving = expect(save(success(1))).rejects.toMatchObject({
    code: 'RESULT_UNSAVED',
    message: expect.stringContaining('no answer from the database in 5000 ms'),
  })
  await new Promise(setImmediate)
  await vi.advanceTimersByTimeAsync(5000)
  await saving
})

test('draining waits for what is on its way and for what gathers', async () => {
  const { table, save, writer } = writerTo(manualTable())
  let drained = false
  const saves = [save(success(1))]
  const first = await table.nextBatch()
  saves.push(save(success(2)))
  const draining = writer.drain().then(() => {
    drained = true
  })
  const second = await table.nextBatch()
  first.commit()
  await saves[0]
  expect(drained).toBe(false)
  second.commit()
  await draining
})

type Table = ConstructorParameters<typeof BatchWriter>[0]['table']

const untouchedTable = {
  lockedAmong: async () => new Set<string>(),
  lookAgain: () => undefined,
}

interface Batch {
  readonly rows: readonly TaskmetaRow[]
  commit(): void
}

/** A table whose test decides when each batch is committed. */
function manualTable(): Table & { nextBatch(): Promise<Batch> } {
  const batches: Batch[] = []
  const waiting: Deferred<Batch>[] = []
  return {
    ...untouchedTable,
    write: async (rows) => {
      const committed = deferred()
      const batch = { rows, commit: committed.resolve }
      const next = waiting.shift()
      if (next) next.resolve(batch)
      else batches.push(batch)
      await committed.promise
      return []
    },
    nextBatch: () => {
      const next = deferred<Batch>()
      const batch = batches.shift()
      if (batch) next.resolve(batch)
      else waiting.push(next)
      return next.promise
    },
  }
}

function writerTo<T extends Table>(table: T) {
  const writer = new BatchWriter({
    table,
    logger: silentLogger,
    deadlineMs: 5000,
    onWritten: () => undefined,
  })
  const save = (result: TaskResult) => writer.save(encodeRow(result, { isExtended: false }))
  return { table, writer, save }
}
