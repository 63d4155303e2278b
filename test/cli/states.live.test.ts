import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../../src/database/open-database.ts'
import { recordTask, storeResult } from '../monitor/states/recorded.ts'
import { cliSpace } from './cli-space.ts'

test('older results are taken over, and a task says why it waits, though no monitor runs', async () => {
  const cli = await cliSpace()
  await cli.run('migrate', 'up')
  const database = await openDatabase({ url: cli.database })
  onTestFinished(() => database.close())
  for (const taskId of ['old 1', 'old 2'])
    await storeResult(database, { taskId, name: 'export.old', status: 'SUCCESS', json: '1' })
  await recordTask(database, { task_id: 'waiting', queue: 'export', published_at: new Date() })

  const [filled, why, unknown, sought] = await Promise.all([
    cli.run('tasks', 'backfill', '--batch-size', '1'),
    cli.run('tasks', 'why', 'wait'),
    cli.run('tasks', 'why', 'no-such-id'),
    cli.run('tasks', 'reconcile', '--dry-run', '--observe', '0.1'),
  ])
  expect(filled.stderr).toMatch(/results recorded: 2 of 2/)
  expect(JSON.parse(filled.stdout)).toMatchObject({ done: 2, added: 2 })
  expect(JSON.parse(why.stdout)).toMatchObject({
    taskId: 'waiting',
    status: 'PENDING',
    why: expect.arrayContaining(['nothing is ahead of it in queue export']),
  })
  expect(unknown).toMatchObject({ code: 1, stdout: '' })
  expect(sought).toMatchObject({ code: 1, stdout: '[]\n' })
  expect(sought.stderr).toMatch(/no monitor keeps the record up to date/)
})
