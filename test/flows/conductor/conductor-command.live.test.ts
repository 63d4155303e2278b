import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freshServers } from '../../support/live-app.ts'
import { runCli } from '../../support/processes.ts'
import { PROJECT } from '../../support/services.ts'

const APP = join(PROJECT, 'examples/flows/app.ts')

test('a conductor whose board cannot be used ends with exit code 1, and is never said to be ready', async () => {
  const { env } = await freshServers() // its database has no tables
  const { code, stderr } = await runCli(['-A', APP, 'conductor', '-l', 'error'], { env })
  expect([code, stderr]).toEqual([1, expect.stringContaining('flows.entity')])
  expect(stderr).not.toContain('ready')
})
