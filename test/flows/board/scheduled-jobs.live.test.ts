import {
  Board,
  Conductor,
  Engine,
  linear,
  MemoryStore,
  task,
  ZookeeperBoard,
} from 'celery-toolbox/flows'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../../../src/database/open-database.ts'
import { migratedDatabase } from '../../support/postgres.ts'
import { hasZookeeper, startZookeeper } from '../../support/zookeeper.ts'

const YEARLY = '0 0 1 1 *'
const double = linear('double', {}, [
  task('twice', { args: ['n', 'by'], provides: 'm', execute: ({ n, by }) => n * by }),
])

async function inDatabase(): Promise<Board> {
  const database = await openDatabase({ url: await migratedDatabase() })
  onTestFinished(() => database.close())
  return new Board(database)
}

async function inZookeeper(): Promise<ZookeeperBoard> {
  const hosts = await startZookeeper()
  const board = new ZookeeperBoard({ hosts, store: new MemoryStore(), sessionMs: 2_000 })
  onTestFinished(() => board.close())
  return board
}

const BOARDS = [
  ['PostgreSQL', true, inDatabase],
  ['ZooKeeper', hasZookeeper, inZookeeper],
] as const

for (const [place, isThere, open] of BOARDS) {
  const onBoard = test.skipIf(!isThere)

  onBoard(`a scheduled job resumed from a step runs whole the next time (${place})`, async () => {
    const board = await open()
    const values = { n: 1, by: 2 }
    const job = await board.post(double, values, { schedule: YEARLY, runAt: new Date() })
    const { flowId } = job
    await new Engine(double, { persist: board.store, flowId, store: values }).run()
    const resumed = await board.resumeFrom(flowId, 'twice', { by: 5 })
    const given: unknown[] = []
    const make = (start: unknown) => {
      given.push(start)
      return double
    }
    await new Conductor(board, { flows: { double: make } }).run({ maxDispatches: 1 })
    expect(given).toEqual([{ n: 1, by: 5 }])
    const stored = await board.store.load(flowId)
    expect(stored?.atoms.find(({ name }) => name === 'twice')?.results).toBe(5)
    const next = await board.find(resumed.uuid)
    expect(next?.flowId).not.toBe(flowId)
    expect(next?.details).toEqual({ flow: 'double', version: null, store: values })
  })

  onBoard(`the next run of a scheduled job waits for no signal yet (${place})`, async () => {
    const board = await open()
    const job = await board.post(double, {}, { schedule: YEARLY, runAt: new Date() })
    await (await board.claim(job, 'one')).release({ signals: ['go'], until: Date.now() })
    await (await board.claim(job, 'one')).consume()
    expect((await board.find(job.uuid))?.flowId).not.toBe(job.flowId)
    expect(await board.awaited(/^go$/, 10)).toEqual([])
  })

  onBoard(`a job that gets a schedule while it runs is posted again (${place})`, async () => {
    const board = await open()
    const job = await board.post(double)
    const claim = await board.claim(job, 'one')
    await board.resetSchedule(job.flowId, YEARLY)
    await claim.abandon()
    const again = await board.claim(job, 'one') // it is due still: its run is not over
    await again.consume()
    const next = await board.find(job.uuid)
    expect(next).toMatchObject({ schedule: YEARLY, state: 'UNCLAIMED' })
    expect(next?.flowId).not.toBe(job.flowId)
  })

  onBoard(`a schedule for a job that is gone is refused (${place})`, async () => {
    const board = await open()
    await expect(board.resetSchedule('gone', YEARLY)).rejects.toMatchObject({ name: 'JobNotFound' })
  })
}
