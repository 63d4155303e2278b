import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../../src/database/open-database.ts'
import { keepAccounts } from '../support/live-app.ts'
import type { Process } from '../support/processes.ts'
import { waitFor } from '../support/wait-for.ts'
import { type CliSpace, cliSpace } from './cli-space.ts'

interface Listed {
  readonly taskId: string
  readonly name: string
  readonly status: string
}

test('what was called and run is listed and shown, once a monitor has recorded it', async () => {
  const cli = await cliSpace()
  const monitor = await startMonitor(cli)
  await cli.startWorker()
  await cli.run('call', 'export.add', '--args', '[2, 3]', '--wait')
  await cli.run('call', 'export.fail', '--args', '["no ink"]', '--wait')
  const both = await listed(cli, 2)
  expect(both.map(({ name, status }) => [name, status])).toEqual([
    ['export.fail', 'FAILURE'],
    ['export.add', 'SUCCESS'],
  ])
  const [failed] = await listed(cli, 1, '--state', 'FAILURE', '--since', '1h', '--limit', '5')
  expect(await listed(cli, 0, '--queue', 'celery')).toEqual([])
  const shown = await cli.run('tasks', 'show', failed?.taskId.slice(0, 18) ?? '')
  expect(JSON.parse(shown.stdout)).toMatchObject({
    task: { taskId: failed?.taskId, args: ['no ink'], exception: 'RangeError: no ink' },
    messages: [{ route: { exchange: 'task_exchange', routingKey: 'export' } }],
    family: [{ taskId: failed?.taskId }],
  })
  expect(await monitor.stop('SIGTERM')).toEqual({ code: 0, signal: null })
})

test('a task that was never seen is exit code 1', async () => {
  const cli = await cliSpace()
  await cli.run('migrate', 'up')
  const shown = await cli.run('tasks', 'show', 'no-such-id')
  expect(shown).toMatchObject({ code: 1, stdout: '' })
  expect(shown.stderr).toContain('no task with the id "no-such-id" is recorded')
})

test('a monitor does not start on tables that are missing, and says what to run', async () => {
  const cli = await cliSpace()
  const { code, stderr } = await cli.run('monitor')
  expect(code).toBe(1)
  expect(stderr).toContain('run "celery-toolbox migrate up" [DATABASE_BEHIND]')
})

/** When the test ends, its record must agree with what tasks say that they did. */
async function startMonitor(cli: CliSpace): Promise<Process> {
  const monitor = cli.start('monitor', '--migrate')
  await monitor.waitForLine(/monitor: platform\.fifo on .* is recorded in/)
  const database = await openDatabase({ url: cli.database })
  onTestFinished(() => database.close())
  keepAccounts(cli, database)
  return monitor
}

async function listed(
  cli: CliSpace,
  count: number,
  ...filter: string[]
): Promise<readonly Listed[]> {
  return await waitFor(`${count} tasks to be listed`, async () => {
    const tasks: readonly Listed[] = JSON.parse((await cli.run('tasks', 'list', ...filter)).stdout)
    return tasks.length === count ? tasks : undefined
  })
}

test('failed tasks run once more when they are replayed, with other arguments if need be', async () => {
  const cli = await cliSpace()
  await startMonitor(cli)
  await cli.startWorker()
  await cli.run('call', 'export.fail', '--args', '["no ink"]', '--wait')
  await cli.run('call', 'export.add', '--args', '[2, 3]', '--wait')
  const [failed] = await listed(cli, 1, '--state', 'FAILURE')
  const old = failed?.taskId ?? ''

  const dry = await cli.run('tasks', 'replay', '--failed', '--since', '1h', '--dry-run')
  expect(JSON.parse(dry.stdout)).toMatchObject([{ taskId: old, name: 'export.fail', newId: null }])
  const edit = '{"args": ["no paper"]}'
  const done = await cli.run('tasks', 'replay', '--where', "name = 'export.fail'", '--edit', edit)
  expect(JSON.parse(done.stdout)).toMatchObject([{ taskId: old, route: { routingKey: 'export' } }])
  const both = await listed(cli, 2, '--state', 'FAILURE')
  const again = both.find(({ taskId }) => taskId !== old)
  const shown = await cli.run('tasks', 'show', again?.taskId ?? '')
  expect(JSON.parse(shown.stdout)).toMatchObject({
    task: { args: ['no paper'], exception: 'RangeError: no paper' },
  })

  const writing = await cli.run('tasks', 'replay', '--where', "setval('task_id_sequence', 99) > 0")
  expect(writing.code).toBe(1)
  expect(writing.stderr).toContain('CONDITION_INVALID')

  const twice = await cli.run('tasks', 'replay', old)
  expect(twice.code).toBe(1)
  expect(JSON.parse(twice.stdout)).toMatchObject([
    { taskId: old, problem: { code: 'REPLAY_REPEATED' } },
  ])
})

test('a replay that is asked for wrongly is refused, saying why', async () => {
  const cli = await cliSpace()
  await cli.run('migrate', 'up')
  for (const [args, code, why] of REFUSED) {
    const answer = await cli.run('tasks', 'replay', ...args)
    expect(answer).toMatchObject({ code, stderr: expect.stringMatching(why) })
  }
})

const REFUSED = [
  [[], 2, /name the tasks/],
  [['an-id', '--failed'], 2, /either ids, or/],
  [['an-id', '--rate', 'fast'], 2, /Expected a rate/],
  [['an-id', '--edit', '{"argv": []}'], 2, /--edit: .*argv/],
  [['--where', 'nom = 1'], 1, /column "nom" does not exist/],
] as const
