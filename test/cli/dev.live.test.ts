import { Client } from 'pg'
import { expect, test } from 'vitest'
import { runCli, startCli } from '../support/processes.ts'
import { APP } from './cli-space.ts'

test('dev --once shows the journey of a chain, a group, a chord, a failure and a retry, and ends with 0', async () => {
  const { code, stdout, stderr } = await runCli(['dev', '--once'])
  expect(stderr).toContain('starting PostgreSQL (embedded, temporary)…')
  expect(stdout).toContain('from monitor.task_history')
  expect(stdout).toMatch(/export\.upload +SUCCESS +"https:\/\/files\.example\/fields\.xlsx"/)
  expect(stdout).toMatch(/export\.bundle +SUCCESS +3 /)
  expect(stdout).toMatch(/export\.broken +FAILURE +RangeError: project "nowhere" has no records/)
  expect(stdout).toMatch(
    /export\.flaky +SUCCESS +"done at attempt 3" +([\d:.]+ +){3}\d+ +export +2 /,
  )
  expect(stdout).toMatch(/FAILURE +1\nSUCCESS +10\n$/)
  expect(code).toBe(0)
})

test('dev stays until Ctrl-C, and says how to ask its database', async () => {
  const dev = startCli(['dev'])
  const [, url = ''] = await dev.waitForLine(/psql '(postgresql:\/\/\S+)'[\s\S]*Ctrl-C stops/)
  expect(await loadsIn(url)).toBe(3)
  expect(await dev.stop('SIGINT')).toEqual({ code: 0, signal: null })
})

test('dev runs an app of your own', async () => {
  const dev = startCli(['dev', '-A', APP])
  await dev.waitForLine(/Ctrl-C stops/)
  expect(dev.output).toContain('worker and monitor are running on memory://dev')
  expect(await dev.stop('SIGTERM')).toEqual({ code: 0, signal: null })
})

test('dev that is stopped while it starts leaves nothing running', async () => {
  const dev = startCli(['dev'])
  await dev.waitForLine(/starting PostgreSQL/)
  expect(await dev.stop('SIGINT')).toEqual({ code: 0, signal: null })
})

async function loadsIn(url: string): Promise<unknown> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query(
      "select count(*)::integer as loads from monitor.task_history where name = 'export.load'",
    )
    return rows[0].loads
  } finally {
    await client.end()
  }
}
