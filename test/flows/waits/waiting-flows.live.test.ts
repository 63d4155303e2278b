import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Board } from 'celery-toolbox/flows'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../../../src/database/open-database.ts'
import { migratedDatabase } from '../../support/postgres.ts'
import { startProcess } from '../../support/processes.ts'
import { PROJECT } from '../../support/services.ts'
import { waitFor } from '../../support/wait-for.ts'
import { folder } from '../kills/kills.ts'

/** 10,000 by `npm run test:waiting-flows`. */
const COUNT = Number(process.env.WAITING_FLOWS ?? 30)
const MOST_BYTES = 150_000_000
const PATIENCE = { deadlineMs: 900_000 }

test(`${COUNT} flows that wait a year are in no process; none runs early, and each once`, {
  timeout: 2_000_000,
}, async () => {
  const url = await migratedDatabase()
  const database = await openDatabase({ url })
  onTestFinished(() => database.close())
  const board = new Board(database)
  const effects = join(await folder(), 'effects')
  const conductor = startProcess(process.execPath, [
    join(PROJECT, 'test/flows/conductor/conductor-process.mjs'),
    JSON.stringify({ url, effects, leaseMs: 30_000, slowMs: 0, isSilent: true }),
  ])
  await conductor.waitForLine(/^ready$/m)
  for (let posted = 0; posted < COUNT; posted += 50) {
    await Promise.all(
      Array.from({ length: Math.min(50, COUNT - posted) }, () => board.post('yearly')),
    )
  }
  const jobs = async (condition = 'true'): Promise<number> => {
    const [row] = await database.query<{ count: number }>(
      `select count(*)::int from flows.job where ${condition}`,
    )
    return row?.count ?? 0
  }
  const isFarOff = `state = 'UNCLAIMED' and run_at > now() + interval '300 days'`
  await waitFor('all of them to wait', async () => (await jobs(isFarOff)) === COUNT, PATIENCE)
  expect(await residentBytes(conductor.pid)).toBeLessThan(MOST_BYTES)
  expect(await calls(effects, 'next')).toBe(0)

  conductor.kill('SIGUSR2') // its clock goes on by a year
  await conductor.waitForLine(/^a year later$/m)
  await database.query(`update flows.job set run_at = run_at - interval '365 days'`)
  await waitFor('the end of all', async () => (await jobs()) === 0, PATIENCE)
  expect([await calls(effects, 'yearly'), await calls(effects, 'next')]).toEqual([COUNT, COUNT])
  expect(await residentBytes(conductor.pid)).toBeLessThan(MOST_BYTES)
})

async function calls(effects: string, name: string): Promise<number> {
  const lines = (await readFile(effects, 'utf8')).split('\n')
  return lines.filter((line) => line.startsWith(`${name} `)).length
}

async function residentBytes(pid: number): Promise<number> {
  const [, kilobytes] =
    /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
  console.info(`the conductor has ${kilobytes} kB`)
  return Number(kilobytes) * 1_000
}
