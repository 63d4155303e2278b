import { expect, test } from 'vitest'
import { freshDatabase } from '../support/postgres.ts'
import { runCli } from '../support/processes.ts'

test('migrate up says each step, status lists them, and down takes the last ones back', async () => {
  const database = await freshDatabase()
  const migrate = (...args: string[]) => runCli(['migrate', ...args, '--database', database])
  const up = await migrate('up', '--json')
  const { ran } = JSON.parse(up.stdout)
  expect(up.stderr).toContain(`migrating ${ran[0]}\n`)
  const undone = JSON.parse((await migrate('down', '--steps', '2', '--json')).stdout)
  expect(undone).toEqual({ undone: ran.slice(-2).toReversed() })
  const status: readonly { name: string; appliedAt: string | null }[] = JSON.parse(
    (await migrate('status')).stdout,
  )
  expect(status.filter(({ appliedAt }) => appliedAt === null).map(({ name }) => name)).toEqual(
    ran.slice(-2),
  )
})

test('migrate alone is migrate up, which does nothing where all is up to date', async () => {
  const env = { CELERY_TOOLBOX_DATABASE_URL: await freshDatabase() }
  await runCli(['migrate', 'up'], { env })
  const again = await runCli(['migrate'], { env })
  expect(again).toMatchObject({ code: 0, stdout: 'nothing to do\n' })
})

test('a database that does not answer is exit code 1, its password masked', async () => {
  const { code, stderr } = await runCli([
    'migrate',
    'up',
    '--database',
    'postgresql://u:hidden@127.0.0.1:1/x',
  ])
  expect(code).toBe(1)
  expect(stderr).toContain('cannot reach postgresql://u:***@127.0.0.1:1/x')
  expect(stderr).toContain('[DATABASE_UNREACHABLE]')
})
