import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Database } from '../../../src/database/database.ts'
import { migrateUp } from '../../../src/database/migrate.ts'
import { openDatabase } from '../../../src/database/open-database.ts'
import { PostgresResultStore } from '../../../src/results/postgres/postgres-store.ts'
import type { ChordCounter, ChordMember, ResultStore } from '../../../src/results/result-store.ts'
import { chordOf, releaseBy } from '../../contracts/chord-contract.ts'
import { freshId, success } from '../../contracts/stored-results.ts'
import { freshDatabase } from '../../support/postgres.ts'
import { startProcess } from '../../support/processes.ts'
import { runPythonJson } from '../../support/python-celery.ts'
import { waitFor } from '../../support/wait-for.ts'

let url: string
beforeEach(async () => {
  url = await freshDatabase()
})

describe('the tables of chords', () => {
  test('are the same, made by the store or by the migrations', async () => {
    const [byStore, byMigrations] = [await open(), await open(await freshDatabase())]
    const { chords } = openStore(byStore)
    await chords.begin(freshId(), 1)
    await migrateUp(byMigrations)
    expect(await chordTables(byMigrations)).toEqual(await chordTables(byStore))
  })

  test('made by a store are no obstacle to the migrations', async () => {
    const database = await open()
    const { chords } = openStore(database)
    await chords.begin(freshId(), 1)
    await migrateUp(database)
    const [groupId, [only]] = chordOf([1]) as Single
    await chords.begin(groupId, 1)
    await releaseBy(chords, only)
  })

  test('are made once, by all who need them at the same moment', async () => {
    const databases = [await open(), await open(), await open()]
    await Promise.all(databases.map((database) => openStore(database).chords.begin(freshId(), 1)))
  })

  test('hold no members of a chord that was released', async () => {
    const database = await open()
    const { store, chords } = openStore(database)
    const [groupId, [only]] = chordOf([1]) as Single
    await chords.begin(groupId, 1)
    await store.save(only.result)
    await releaseBy(chords, only)
    await chords.memberDone(only, async () => undefined)
    expect(await database.query('select * from celery_toolbox_chord_member')).toEqual([])
    expect(
      await database.query(
        'select size, done, released_at is not null as yes from celery_toolbox_chord',
      ),
    ).toEqual([{ size: 1, done: 1, yes: true }])
  })
})

describe('a member', () => {
  test('has no result that others see before it is counted', async () => {
    const database = await open()
    const { store, chords } = openStore(database)
    const [groupId, [only]] = chordOf(['done']) as Single
    await chords.begin(groupId, 1)
    let isSaved = false
    const saving = await database.transaction(async (connection) => {
      await connection.query('select from celery_toolbox_chord where group_id = $1 for update', [
        groupId,
      ])
      const saved = chords
        .saveMember(only, async () => undefined)
        .then(() => {
          isSaved = true
        })
      await waitFor('the count to wait for the lock', async () => {
        const waiting = await database.query(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        )
        return waiting.length > 0
      })
      expect((await store.get(only.result.taskId)).status).toBe('PENDING')
      // Longer than rows of results are waited for.
      await connection.query('select pg_sleep(0.2)')
      expect(isSaved).toBe(false)
      return { saved }
    })
    await saving.saved
    expect(await store.get(only.result.taskId)).toMatchObject({ status: 'SUCCESS', result: 'done' })
  })
})

describe('a release', () => {
  test('cut short by the end of its process is made by the next who counts a member', async () => {
    const { database, asked } = watched(await open())
    const { chords } = openStore(database)
    const [groupId, [only]] = chordOf(['done']) as Single
    await chords.begin(groupId, 1)
    const program = startProcess(process.execPath, [
      '--import',
      'tsx',
      `${import.meta.dirname}/never-released.ts`,
      `db+${url.replace('postgres://', 'postgresql://')}`,
      groupId,
      only.result.taskId,
    ])
    await program.waitForLine(/^releasing$/m)
    const released = releaseBy(chords, only)
    await waitFor('the lock to be asked for', () => asked.length > 0)
    program.kill('SIGKILL')
    expect(await released).toMatchObject([{ result: 'done' }])
  })

  test('may save results, and release chords, in a pool of two connections', async () => {
    const database = await open(url, 2)
    const { store, chords } = openStore(database)
    const outer = await Promise.all(
      [...Array(10).keys()].map(async () => {
        const [[outerId, [outerMember]], [innerId, [inner]]] = [chordOf([1]), chordOf([2])] as [
          Single,
          Single,
        ]
        await chords.begin(outerId, 1)
        await chords.begin(innerId, 1)
        let released = false
        await chords.memberDone(inner, async () => {
          await store.save(outerMember.result)
          await chords.memberDone(outerMember, async () => {
            await store.save(success('body'))
            released = true
          })
        })
        return released
      }),
    )
    expect(outer).toEqual(Array(10).fill(true))
  })

  test('is made under one lock, though all members are counted at once', async () => {
    const { database, asked } = watched(await open())
    const { store, chords } = openStore(database)
    const [groupId, members] = chordOf([...Array(100).keys()])
    await chords.begin(groupId, 100)
    await Promise.all(members.map(({ result }) => store.save(result)))
    const releases: unknown[] = []
    await Promise.all(
      members.map((member) => chords.memberDone(member, async (all) => void releases.push(all))),
    )
    expect(releases).toHaveLength(1)
    expect(asked.filter((sql) => sql.includes('pg_try_advisory_lock'))).toHaveLength(1)
  })

  test('goes on where the connection of its lock is cut', async () => {
    const database = await open()
    const { chords } = openStore(database)
    const [groupId, [only]] = chordOf([1]) as Single
    await chords.begin(groupId, 1)
    const cut = async () => {
      await database.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and state = 'idle in transaction'`,
      )
    }
    await chords.memberDone(only, cut)
    const [next, [member]] = chordOf([2]) as Single
    await chords.begin(next, 1)
    await releaseBy(chords, member)
  })

  test('has PENDING for members of which nothing is stored', async () => {
    const { chords } = openStore(await open())
    const [groupId, [only]] = chordOf([1]) as Single
    await chords.begin(groupId, 1)
    expect(await releaseBy(chords, only)).toMatchObject([
      { taskId: only.result.taskId, status: 'PENDING' },
    ])
  })
})

describe('a chord that is handed over', () => {
  const ids = ['a', 'b']

  test('is waited for by one task, however many hand it over, and counts no members any more', async () => {
    const { chords } = openStore(await open())
    const [groupId, [only]] = chordOf([1, 2]) as Single
    await chords.begin(groupId, 2, ids)
    const waited: (readonly string[])[] = []
    const handOver = async () =>
      chords.handOver?.({ groupId, body: 'left' }, async (memberIds) => void waited.push(memberIds))
    await Promise.all([handOver(), handOver(), handOver()])
    expect(waited).toEqual([ids])
    const released: unknown[] = []
    for (const member of [only, { ...only, result: success(2) }]) {
      await chords.memberDone(member, async (results) => void released.push(results))
    }
    expect(released).toEqual([])
    expect(await chords.releaseAbandoned?.(() => async () => undefined)).toBe(0)
  })

  test('by a process that is lost before it has published that task, is waited for by another', async () => {
    const database = await open()
    const [lost, other] = [openStore(database).chords, openStore(database).chords]
    const [groupId] = chordOf([1, 2]) as Single
    await lost.begin(groupId, 2, ids)
    const failing = lost.handOver?.({ groupId, body: 'left' }, async () => {
      throw new Error('the broker is away')
    })
    await expect(failing).rejects.toThrow('the broker is away')
    const waited: unknown[] = []
    const abandoned = async () =>
      other.releaseAbandoned?.(
        () => undefined,
        (id, body) => async (memberIds) => void waited.push([id, body, memberIds]),
      )
    expect([await abandoned(), await abandoned()]).toEqual([1, 0])
    expect(waited).toEqual([[groupId, 'left', ids]])
  })

  test('is not, where all of its members are done, or where it was not begun', async () => {
    const { chords } = openStore(await open())
    const [groupId, [only]] = chordOf([1]) as Single
    await chords.begin(groupId, 1, ids)
    await releaseBy(chords, only)
    const waited: unknown[] = []
    for (const id of [groupId, 'unknown']) {
      await chords.handOver?.({ groupId: id, body: null }, async (found) => void waited.push(found))
    }
    expect(waited).toEqual([])
  })
})

describe('cleanup', () => {
  test('deletes results, groups and chords older than result_expires, in UTC, and says how many', async () => {
    const database = await open()
    const { store, chords } = openStore(database, 3600_000)
    const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3600_000)
    const [old, young] = [
      { ...success(1), dateDone: hoursAgo(1.1) },
      { ...success(1), dateDone: hoursAgo(0.9) },
    ]
    await Promise.all([store.save(old), store.save(young)])
    await store.saveGroup?.('old', ['a'])
    await store.saveGroup?.('young', ['b'])
    const [groupId, [only]] = chordOf([1, 2]) as Single
    await chords.begin(groupId, 2)
    await chords.memberDone(only, async () => undefined)
    await database.query(`
      update celery_tasksetmeta set date_done = date_done - interval '2 hours' where taskset_id = 'old';
      update celery_toolbox_chord set created_at = created_at - interval '2 hours'`)
    expect(await store.cleanup?.()).toBe(2)
    expect((await store.get(young.taskId)).status).toBe('SUCCESS')
    expect((await store.get(old.taskId)).status).toBe('PENDING')
    expect(await store.restoreGroup?.('old')).toBeNull()
    expect(await store.restoreGroup?.('young')).toEqual(['b'])
    expect(await chords.memberDone(only, async () => undefined)).toBe(false)
    expect(await database.query('select * from celery_toolbox_chord_member')).toEqual([])
  })

  test('has nothing to do where there are no tables, and where results are kept for ever', async () => {
    const database = await open()
    expect(await openStore(database, 1000).store.cleanup?.()).toBe(0)
    const { store } = openStore(database)
    await store.save({ ...success(1), dateDone: new Date(0) })
    expect(await store.cleanup?.()).toBe(0)
  })

  test('goes through thousands of rows', async () => {
    const database = await open()
    const { store } = openStore(database, 1000)
    await store.save(success('makes the table'))
    await database.query(`
      insert into celery_taskmeta (id, task_id, status, date_done)
      select nextval('task_id_sequence'), 'old-' || n, 'SUCCESS', '2020-01-01' from generate_series(1, 2500) n`)
    expect(await store.cleanup?.()).toBe(2501)
  })
})

describe.each(['new', 'old'] as const)('with the %s Celery', (python) => {
  test('groups saved on one side are restored on the other', async () => {
    const { store } = openStore(await open())
    await store.saveGroup?.('ours', ['a', 'b'])
    const seen = await runPythonJson(
      `
import json, sys
from celery import Celery
from celery.result import GroupResult
app = Celery('results', backend=sys.argv[1])
inner = GroupResult('inner', [app.AsyncResult('d'), app.AsyncResult('e')], app=app)
GroupResult('theirs', [app.AsyncResult('c'), inner], app=app).save()
group = GroupResult.restore('ours', app=app)
print(json.dumps([type(group).__name__, group.id] + [result.id for result in group.results]))`,
      { python, args: [url.replace('postgres://', 'db+postgresql+psycopg2://')] },
    )
    expect(seen).toEqual(['GroupResult', 'ours', 'a', 'b'])
    expect(await store.restoreGroup?.('theirs')).toEqual(['c', 'd', 'e'])
  })
})

type Single = readonly [string, [ChordMember]]

interface OpenedStore {
  readonly store: ResultStore
  readonly chords: ChordCounter
}

function openStore(database: Database, expiresMs?: number): OpenedStore {
  const store = new PostgresResultStore({ database, expiresMs })
  onTestFinished(() => store.close())
  return { store, chords: store.chords }
}

async function open(at = url, poolSize = 10): Promise<Database> {
  const database = await openDatabase({ url: at, poolSize })
  onTestFinished(() => database.close())
  return database
}

/** The database, and the statements that its transactions are asked to run. */
function watched(database: Database): { readonly database: Database; readonly asked: string[] } {
  const asked: string[] = []
  const transaction: Database['transaction'] = (work) =>
    database.transaction((connection) =>
      work({
        ...connection,
        query: (sql, parameters) => {
          asked.push(sql)
          return connection.query(sql, parameters)
        },
      }),
    )
  const observed = new Proxy(database, {
    get: (target, name) => {
      if (name === 'transaction') return transaction
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return { database: observed, asked }
}

/** Columns, constraints and indexes, as PostgreSQL describes them. */
async function chordTables(database: Database): Promise<readonly object[]> {
  return await database.query(`
    select attrelid::regclass::text, attname, format_type(atttypid, atttypmod), attnotnull,
      (select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = attrelid and adnum = attnum)
    from pg_attribute where attrelid::regclass::text like 'celery_toolbox_chord%' and attnum > 0
    union all
    select conrelid::regclass::text, conname, pg_get_constraintdef(oid), null, null
    from pg_constraint where conrelid::regclass::text like 'celery_toolbox_chord%' and contype <> 'n'
    order by 1, 2`)
}
