import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Database } from '../../../src/database/database.ts'
import { openDatabase } from '../../../src/database/open-database.ts'
import { openResultStore } from '../../../src/results/open-result-store.ts'
import {
  PostgresResultStore,
  type PostgresStoreOptions,
} from '../../../src/results/postgres/postgres-store.ts'
import { abandonedChordContract } from '../../contracts/chord-contract.ts'
import {
  failure,
  freshId,
  resultStoreContract,
  started,
  success,
} from '../../contracts/result-store-contract.ts'
import { freshDatabase } from '../../support/postgres.ts'
import { waitFor } from '../../support/wait-for.ts'

let url: string
beforeEach(async () => {
  url = await freshDatabase()
})

resultStoreContract('the PostgreSQL store', () => openStore())
abandonedChordContract('the PostgreSQL store', () => openStore())

describe('an id with a NUL', () => {
  test('has no result, and spoils no wait of another', async () => {
    const store = await openStore()
    const saved = success(5)
    const waiting = store.waitFor(saved.taskId)
    await expect(store.waitFor('a\0b')).rejects.toMatchObject({
      code: 'RESULT_UNSUPPORTED',
      message: expect.stringContaining(String.raw`task 'a\x00b'`),
    })
    expect(await store.get('a\0b')).toMatchObject({ status: 'PENDING', result: null })
    await store.forget('a\0b')
    await store.save(saved)
    expect(await waiting).toMatchObject({ result: 5 })
  })

  test('names no group', async () => {
    const store = await openStore()
    await expect(store.saveGroup('a\0b', ['c'])).rejects.toMatchObject({
      code: 'VALUE_UNENCODABLE',
    })
    expect(await store.restoreGroup('a\0b')).toBeNull()
    await store.forgetGroup('a\0b')
  })
})

describe('the rows', () => {
  test('are those Python writes: pickle in result, a naive UTC time, no extended columns', async () => {
    const [store, database] = [await openStore(), await open()]
    const saved = { ...success(5), dateDone: new Date('2024-02-29T23:59:59.123Z'), name: 'a.task' }
    await store.save(saved)
    const [row] = await database.query(
      'select *, date_done::text as date_done from celery_taskmeta where task_id = $1',
      [saved.taskId],
    )
    expect(row).toMatchObject({
      id: 1,
      status: 'SUCCESS',
      date_done: '2024-02-29 23:59:59.123',
      traceback: null,
      name: null,
      args: null,
      queue: null,
    })
    expect(row).toHaveProperty('result.0', 0x80)
  })

  test('hold SQL NULL for None, and for the time of what goes on', async () => {
    const [store, database] = [await openStore(), await open()]
    await store.save(success(null))
    await store.save({ ...started(freshId()), dateDone: new Date() })
    const rows = await database.query('select result, date_done from celery_taskmeta order by id')
    expect(rows).toMatchObject([{ result: null }, { date_done: null }])
  })

  test('hold name, arguments, worker, retries and queue with result_extended', async () => {
    const [store, database] = [await openStore({ isExtended: true }), await open()]
    const extended = {
      ...success(1),
      name: 'export.add',
      args: [1, 'é'],
      kwargs: { k: [1.5, null] },
      worker: 'w1@host',
      retries: 2,
      queue: 'export',
    }
    await store.save(extended)
    const [row] = await database.query(
      `select name, convert_from(args, 'UTF8') as args, convert_from(kwargs, 'UTF8') as kwargs, worker, retries, queue
       from celery_taskmeta`,
    )
    expect(row).toEqual({
      name: 'export.add',
      args: '[1, "\\u00e9"]',
      kwargs: '{"k": [1.5, null]}',
      worker: 'w1@host',
      retries: 2,
      queue: 'export',
    })
    expect(await store.get(extended.taskId)).toEqual(extended)
  })

  test('keep one id of the sequence each, however often they are written', async () => {
    const [store, database] = [await openStore(), await open()]
    const done = success(1)
    await store.save(started(done.taskId))
    await store.save(done)
    await store.save(success(2))
    const rows = await database.query('select id from celery_taskmeta order by id')
    expect(rows).toEqual([{ id: 1 }, { id: 2 }])
  })

  test('are written to a table of old, which has no extended columns', async () => {
    const database = await open()
    await database.query(`
      create sequence task_id_sequence;
      create table celery_taskmeta (id integer primary key, task_id varchar(255) unique, status varchar(50),
        result bytea, date_done timestamp, traceback text)`)
    const store = await openStore({ isExtended: true })
    const saved = { ...success({ old: true }), name: 'no room for it' }
    await store.save(saved)
    expect(await store.get(saved.taskId)).toEqual({
      ...success({ old: true }),
      taskId: saved.taskId,
    })
  })

  test('take text with NUL characters, which PostgreSQL has no room for', async () => {
    const store = await openStore()
    const saved = failure({ excType: 'E', excModule: null, excMessage: ['a\0b'] }, 'trace\0back')
    await store.save(saved)
    expect(await store.get(saved.taskId)).toMatchObject({
      result: { excMessage: ['a\0b'] },
      traceback: 'trace\uFFFDback',
    })
  })

  test('are refused alone where an id or a state is longer than its column', async () => {
    const store = await openStore()
    const good = success('good')
    const saves = await Promise.allSettled([
      store.save({ ...success(1), taskId: 'x'.repeat(156) }),
      store.save(good),
      store.save({ ...success(1), status: 'S'.repeat(51) }),
    ])
    expect(saves.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected'])
    expect((await store.get(good.taskId)).result).toBe('good')
  })

  test('go to the table that database_table_names and database_table_schemas name', async () => {
    const database = await open()
    await database.query('create schema "Results"')
    await using store = await openResultStore({
      result_backend: `db+${url.replace('postgres://', 'postgresql://')}`,
      database_table_names: { task: 'my "tasks"', group: 'my_groups' },
      database_table_schemas: { task: 'Results' },
    })
    const saved = success('elsewhere')
    await store.save(saved)
    expect((await store.get(saved.taskId)).result).toBe('elsewhere')
    expect(await database.query('select status from "Results"."my ""tasks"""')).toHaveLength(1)
  })

  test('are made anew when the table was dropped', async () => {
    const [store, database] = [await openStore(), await open()]
    await store.save(success(1))
    await database.query('drop table celery_taskmeta')
    const saved = success('after')
    await store.save(saved)
    expect((await store.get(saved.taskId)).result).toBe('after')
  })

  test('are made once by many who start at the same moment', async () => {
    const stores = await Promise.all(Array.from({ length: 5 }, () => openStore()))
    const saved = stores.map((_, n) => success(n))
    await Promise.all(stores.map((store, n) => store.save(saved[n]!)))
    const database = await open()
    expect(await database.query('select task_id from celery_taskmeta')).toHaveLength(5)
  })

  test('that cannot be read reject alone, naming the task and the column, and run nothing', async () => {
    const [store, database] = [await openStore(), await open()]
    const good = success('good')
    await store.save(good)
    await insertRow(database, 'bad-result', { result: '\\x7b2261223a2031' })
    await insertRow(database, 'bad-args', { args: '\\xff' })
    const waiting = ['bad-result', 'bad-args', good.taskId].map((taskId) =>
      store.waitFor(taskId, { timeoutMs: 10_000 }),
    )
    expect(await Promise.allSettled(waiting)).toMatchObject([
      {
        reason: {
          code: 'RESULT_UNREADABLE',
          message: expect.stringMatching(/bad-result.*"result"/),
        },
      },
      { reason: { code: 'RESULT_UNREADABLE', message: expect.stringMatching(/bad-args.*"args"/) } },
      { value: { result: 'good' } },
    ])
  })
})

describe('batches', () => {
  test('2,000 saves at once are a few statements', async () => {
    const database = counted(await open())
    const store = await openStore({ database })
    await store.save(success('warm'))
    database.inserts.length = 0
    await Promise.all(Array.from({ length: 2000 }, (_, n) => store.save(success({ n }))))
    expect(database.inserts.length).toBeLessThanOrEqual(5)
    expect(await database.query('select id from celery_taskmeta')).toHaveLength(2001)
  })

  test('saves that come one by one are gathered while a batch is on its way', async () => {
    const database = counted(await open())
    const store = await openStore({ database })
    const saving: Promise<void>[] = []
    for (let n = 0; n < 500; n += 1) {
      saving.push(store.save(success(n)))
      await new Promise(setImmediate)
    }
    await Promise.all(saving)
    expect(database.inserts.length).toBeLessThan(250)
  })

  test('a locked row holds none of the others, and is written once it is free', async () => {
    const [store, database] = [await openStore(), await open()]
    const held = success('held')
    await store.save(started(held.taskId))
    const events: string[] = []
    await database.transaction(async (connection) => {
      await connection.query('select 1 from celery_taskmeta where task_id = $1 for update', [
        held.taskId,
      ])
      const heldSave = store.save(held).then(() => events.push('held'))
      await Promise.all(Array.from({ length: 50 }, () => store.save(success('free'))))
      events.push('others')
      onTestFinished(() => heldSave.then(() => undefined))
    })
    await waitFor('the held save', () => events.includes('held'))
    expect(events).toEqual(['others', 'held'])
    expect((await store.get(held.taskId)).result).toBe('held')
  })

  test('a row that another transaction has inserted and not committed holds none of the others', async () => {
    const [store, database] = [await openStore(), await open()]
    await store.save(success('warm'))
    const held = success('held')
    let heldSave: Promise<void> | undefined
    await database.transaction(async (connection) => {
      await connection.query(`insert into celery_taskmeta (id, task_id) values (99, $1)`, [
        held.taskId,
      ])
      heldSave = store.save(held)
      await Promise.all(Array.from({ length: 50 }, () => store.save(success('free'))))
    })
    await heldSave
    expect((await store.get(held.taskId)).result).toBe('held')
  })

  test('saves of a locked row are written in their order', async () => {
    const [store, database] = [await openStore(), await open()]
    const { taskId } = success(0)
    await store.save(started(taskId))
    const saving: Promise<void>[] = []
    await database.transaction(async (connection) => {
      await connection.query('select 1 from celery_taskmeta where task_id = $1 for update', [
        taskId,
      ])
      saving.push(store.save({ ...success('first'), taskId }))
      await store.save(success('another batch'))
      saving.push(store.save({ ...success('second'), taskId }))
      await store.save(success('another batch'))
    })
    await Promise.all(saving)
    expect((await store.get(taskId)).result).toBe('second')
  })

  test('megabytes go apart: small results are safe before', async () => {
    const store = await openStore()
    await store.save(success('warm'))
    const order: string[] = []
    const big = success(Buffer.alloc(32 * 1024 * 1024, 7))
    const bigSave = store.save(big).then(() => order.push('big'))
    await Promise.all(Array.from({ length: 20 }, () => store.save(success('small'))))
    order.push('small')
    await bigSave
    expect(order).toEqual(['small', 'big'])
    expect((await store.get(big.taskId)).result).toHaveLength(32 * 1024 * 1024)
  })

  test('workers that write the same rows in other orders all get through', async () => {
    const [one, two] = [await openStore(), await openStore()]
    const ids = Array.from({ length: 200 }, freshId)
    const rounds = Array.from({ length: 10 }, (_, round) => [
      ...ids.map((taskId) => one.save({ ...success(round), taskId })),
      ...ids.toReversed().map((taskId) => two.save({ ...success(round), taskId })),
    ])
    await Promise.all(rounds.flat())
    const read = await Promise.all(ids.map((taskId) => one.get(taskId)))
    expect(read.map(({ result }) => result)).toEqual(ids.map(() => 9))
  })

  test('one row the server refuses spoils no other', async () => {
    const [store, database] = [await openStore(), await open()]
    await store.save(success('warm'))
    await database.query(
      `alter table celery_taskmeta add constraint picky check (traceback is distinct from 'refused')`,
    )
    const saved = Array.from({ length: 40 }, (_, n) => success(n))
    const bad = { ...success('bad'), traceback: 'refused' }
    const saves = await Promise.allSettled(
      [...saved.slice(0, 17), bad, ...saved.slice(17)].map((result) => store.save(result)),
    )
    expect(saves.filter(({ status }) => status === 'rejected')).toMatchObject([
      { reason: { code: 'RESULT_UNSAVED', message: expect.stringContaining(bad.taskId) } },
    ])
    expect(await database.query(`select 1 from celery_taskmeta`)).toHaveLength(41)
  })

  test('a connection cut in the middle loses no result', async () => {
    const [store, database] = [await openStore(), await open()]
    await store.save(success('warm'))
    const saved = Array.from({ length: 300 }, (_, n) => success(n))
    const saving = saved.map((result) => store.save(result))
    await database.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    )
    await Promise.all(saving)
    const read = await Promise.all(saved.map(({ taskId }) => store.get(taskId)))
    expect(read.map(({ result }) => result)).toEqual(saved.map(({ result }) => result))
  })

  test('a save that cannot be made in time rejects with RESULT_UNSAVED and why', async () => {
    const [store, database] = [await openStore({ saveDeadlineMs: 300 }), await open()]
    const held = success('held')
    await store.save(started(held.taskId))
    await database.transaction(async (connection) => {
      await connection.query('select 1 from celery_taskmeta where task_id = $1 for update', [
        held.taskId,
      ])
      await expect(store.save(held)).rejects.toMatchObject({
        code: 'RESULT_UNSAVED',
        message: expect.stringMatching(new RegExp(`${held.taskId}.*lock timeout`)),
      })
      await store.close() // a last try may be on its way
    })
    const rows = await database.query('select status from celery_taskmeta where task_id = $1', [
      held.taskId,
    ])
    expect(rows).toEqual([{ status: 'STARTED' }])
  })
})

describe('waiting', () => {
  test('many who wait are one query at a time', async () => {
    const database = counted(await open())
    const store = await openStore({ database })
    const writer = await openStore()
    const saved = Array.from({ length: 300 }, (_, n) => success(n))
    const waiting = saved.map(({ taskId }) => store.waitFor(taskId, { timeoutMs: 20_000 }))
    await waitFor('the first look', () => database.selects.length > 0)
    await Promise.all(saved.map((result) => writer.save(result)))
    const results = await Promise.all(waiting)
    expect(results.map(({ result }) => result)).toEqual(saved.map(({ result }) => result))
    expect(database.selects.length).toBeLessThan(30)
  })

  test('a result written without a notification is found by polling', async () => {
    const [store, database] = [await openStore(), await open()]
    await store.save(success('warm'))
    const waiting = store.waitFor('theirs', { timeoutMs: 20_000, intervalMs: 50 })
    await insertRow(database, 'theirs', { result: '\\x80024b052e' })
    expect((await waiting).result).toBe(5)
  })

  test('an announced result is there long before the next look', async () => {
    const [store, writer] = [await openStore(), await openStore()]
    const database = await open()
    const saved = success('soon')
    const waiting = store.waitFor(saved.taskId, { intervalMs: 600_000, timeoutMs: 2400 })
    await waitFor('the listener', () =>
      database
        .query(
          `select 1 from pg_stat_activity where query ilike 'listen%' and datname = current_database()`,
        )
        .then((rows) => rows.length > 0),
    )
    // Each look comes twice as late as the one before: after 1.3 s the next one would be at 2.5 s, too late.
    await database.query('select pg_sleep(1.3)')
    await writer.save(saved)
    expect((await waiting).result).toBe('soon')
  })

  test('a result that is there is given even when there is no time to wait', async () => {
    const store = await openStore()
    const saved = success('there')
    await store.save(saved)
    expect((await store.waitFor(saved.taskId, { timeoutMs: 0 })).result).toBe('there')
    await expect(store.waitFor(freshId(), { timeoutMs: 0 })).rejects.toMatchObject({
      code: 'RESULT_TIMEOUT',
    })
  })

  test('waits that ended ask nothing more', async () => {
    const database = counted(await open())
    const store = await openStore({ database })
    await store.save(success('warm'))
    const abort = new AbortController()
    const waits = [
      store.waitFor(freshId(), { timeoutMs: 60 }),
      store.waitFor(freshId(), { signal: abort.signal }),
    ]
    abort.abort(new Error('enough'))
    await Promise.allSettled(waits)
    await database.query('select 1')
    const before = database.selects.length
    await store.save(success('busy'))
    await database.query('select pg_sleep(0.1)')
    expect(database.selects.length).toBe(before)
  })

  test('a wait outlives a connection that is cut', async () => {
    const [store, writer, database] = [await openStore(), await openStore(), await open()]
    const saved = success('late')
    const waiting = store.waitFor(saved.taskId, { timeoutMs: 20_000 })
    await database.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    )
    await writer.save(saved)
    expect((await waiting).result).toBe('late')
  })
})

async function open(): Promise<Database> {
  const database = await openDatabase({ url })
  onTestFinished(() => database.close())
  return database
}

async function openStore(
  options: Partial<PostgresStoreOptions> = {},
): Promise<PostgresResultStore> {
  const store = new PostgresResultStore({
    ...options,
    database: options.database ?? (await openDatabase({ url })),
    ownsDatabase: options.database === undefined,
  })
  onTestFinished(() => store.close())
  return store
}

async function insertRow(
  database: Database,
  taskId: string,
  columns: { readonly result?: string; readonly args?: string },
): Promise<void> {
  await using store = new PostgresResultStore({ database })
  await store.get(taskId) // makes the table
  await database.query(
    `insert into celery_taskmeta (id, task_id, status, result, args)
     values (nextval('task_id_sequence'), $1, 'SUCCESS', $2::bytea, $3::bytea)`,
    [taskId, columns.result ?? null, columns.args ?? null],
  )
}

/** The database, with a list of the statements that write results and one of those that look for them. */
function counted(database: Database): Database & { inserts: string[]; selects: string[] } {
  const [inserts, selects]: string[][] = [[], []]
  const query: Database['query'] = (sql, parameters) => {
    if (sql.includes('insert into')) inserts!.push(sql)
    if (sql.includes('status in') && !sql.includes('insert into')) selects!.push(sql)
    return database.query(sql, parameters)
  }
  return {
    inserts: inserts!,
    selects: selects!,
    query,
    url: database.url,
    safeUrl: database.safeUrl,
    transaction: (work) => database.transaction(work),
    listen: (channel, onNotify) => database.listen(channel, onNotify),
    close: () => database.close(),
    [Symbol.asyncDispose]: () => database.close(),
  }
}
