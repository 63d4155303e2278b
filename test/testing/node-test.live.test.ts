import { expect, test } from 'vitest'
import { startProcess } from '../support/processes.ts'

test('the example for node:test runs as the page says', async () => {
  const args = ['--import', 'tsx', '--test', 'examples/testing/app.node-test.ts']
  const run = startProcess(process.execPath, args)
  expect((await run.exited).code).toBe(0)
  expect(run.stdout).toContain('# pass 2')
})
