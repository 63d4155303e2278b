import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Board } from 'celery-toolbox/flows'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../../../src/database/open-database.ts'
import { migratedDatabase } from '../../support/postgres.ts'
import { type Process, startProcess } from '../../support/processes.ts'
import { PROJECT } from '../../support/services.ts'
import { folder } from '../kills/kills.ts'

const PROGRAM = join(PROJECT, 'test/flows/conductor/conductor-process.mjs')
const LEASE_MS = 1_000

test('of two conductors the one that was stopped beyond its lease writes nothing, and the job ends once', async () => {
  const url = await migratedDatabase()
  const database = await openDatabase({ url })
  onTestFinished(() => database.close())
  const board = new Board(database, { leaseMs: LEASE_MS })
  const effects = join(await folder(), 'effects')
  const start = (slowMs: number): Process =>
    startProcess(process.execPath, [
      PROGRAM,
      JSON.stringify({ url, effects, leaseMs: LEASE_MS, slowMs }),
    ])
  const rows = async () =>
    await database.query(
      `select flow.state, flow.epoch::int, atom.name, atom.state as atom_state, atom.results, atom.updated_at
       from flows.flow join flows.atom on flow_id = flow.id order by atom.name`,
    )

  const paused = start(300)
  await paused.waitForLine(/^ready$/m)
  const job = await board.post('paused')
  await paused.waitForLine(/^runs slow$/m)
  paused.kill('SIGSTOP')
  const heir = start(0)
  expect(await board.waitForJob(job.uuid)).toBe(true)
  const ended = await rows()
  paused.kill('SIGCONT')
  await sleep(1_000)

  const stored = ended.filter(
    (row) => 'name' in row && ['a', 'slow', 'b'].includes(String(row.name)),
  )
  expect(stored).toMatchObject([
    { state: 'SUCCESS', epoch: 2, name: 'a', results: paused.pid },
    { state: 'SUCCESS', epoch: 2, name: 'b', results: heir.pid },
    { state: 'SUCCESS', epoch: 2, name: 'slow', results: heir.pid },
  ])
  expect(await rows()).toEqual(ended)
  expect((await readFile(effects, 'utf8')).trim().split('\n')).toEqual([
    `a ${paused.pid}`,
    `slow ${paused.pid}`,
    `slow ${heir.pid}`,
    `b ${heir.pid}`,
  ])
  expect(paused.output).not.toMatch(/job_consumed|job_abandoned|job_trashed/)

  await heir.stop()
  const next = await board.post('paused')
  expect(await board.waitForJob(next.uuid)).toBe(true)
  expect(paused.output).toContain('job_consumed')
})
