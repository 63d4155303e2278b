import { expect, test } from 'vitest'
import { waitFor } from '../support/wait-for.ts'
import { type CliSpace, cliSpace } from './cli-space.ts'

interface Scheduled {
  readonly taskId: string
  readonly dueAt: string
  readonly headers: { readonly argsrepr: string; readonly eta: string }
}

test('what waits in the vault is listed, put off, edited and cancelled, and runs when it is due', async () => {
  const cli = await cliSpace({ CELERY_ETA_VAULT: 'True' })
  await cli.run('migrate', 'up')
  const first = await called(cli, '3600')
  const second = await called(cli, '7200')
  expect((await scheduled(cli)).map(({ taskId }) => taskId)).toEqual([first, second])

  const cancelled = await cli.run('tasks', 'revoke', second)
  expect(JSON.parse(cancelled.stdout)).toEqual({
    revoked: [{ taskId: second, outcome: 'cancelled' }],
    workers: [],
  })
  const result = await cli.run('result', second)
  expect(result.stderr).toContain('revoked')

  const edit = ['--edit', '{"args": [20, 30]}', '--eta', '2031-01-31T12:00:00Z']
  const edited = await cli.run('tasks', 'reschedule', first, ...edit)
  expect(JSON.parse(edited.stdout)).toMatchObject({
    taskId: first,
    dueAt: '2031-01-31T12:00:00.000Z',
    headers: { argsrepr: '(20, 30)', eta: '2031-01-31T12:00:00.000Z' },
  })
  await cli.run('tasks', 'reschedule', first, '--countdown', '0')
  await cli.startWorker()
  await waitFor('its result', async () => (await cli.run('result', first)).stdout.trim() === '50')
  expect(await cli.run('tasks', 'reschedule', first, '--countdown', '9')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`no task with the id "${first}" waits`),
  })
})

test('to revoke what no worker is there to hear of is exit code 1', async () => {
  const cli = await cliSpace()
  await cli.run('migrate', 'up')
  const { code, stdout, stderr } = await cli.run('tasks', 'revoke', 'an-id', '--wait', '0.2')
  expect(JSON.parse(stdout)).toEqual({
    revoked: [{ taskId: 'an-id', outcome: 'broadcast' }],
    workers: [],
  })
  expect(stderr).toContain('no worker answered')
  expect(code).toBe(1)
})

async function called(cli: CliSpace, countdown: string): Promise<string> {
  const { stdout } = await cli.run(
    'call',
    'export.add',
    '--args',
    '[2, 3]',
    '--countdown',
    countdown,
  )
  return stdout.trim()
}

async function scheduled(cli: CliSpace): Promise<readonly Scheduled[]> {
  return JSON.parse((await cli.run('tasks', 'scheduled')).stdout)
}
