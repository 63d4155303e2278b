import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCli } from '../support/processes.ts'
import { APP } from './cli-space.ts'
import { freshFolder } from './fresh-folder.ts'

const THREE_MISTAKES = {
  CELERY_WORKER_CONCURRENCY: 'many',
  CELERY_QUEUES: '[]',
  CELERY_BROKER_URL: 'carrier-pigeon://loft',
}

test('config check names every mistake at once and ends with 2', async () => {
  const { code, stdout } = await runCli(['config', 'check'], { env: THREE_MISTAKES })
  expect(code).toBe(2)
  expect(stdout).toMatch(/✗ CELERY_WORKER_CONCURRENCY: 'many'/)
  expect(stdout).toMatch(/✗ QUEUES: \[\]/)
  expect(stdout).toMatch(/✗ broker_url: 'carrier-pigeon:\/\/loft'/)
})

test('every command refuses wrong settings with 2, naming all mistakes', async () => {
  const { code, stdout, stderr } = await runCli(['queues'], { env: THREE_MISTAKES })
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(/^error: (?=[\s\S]*many)(?=[\s\S]*QUEUES)[\s\S]*carrier-pigeon/)
  expect(stderr).toContain('[CONFIG_INVALID]')
})

test("config check finds the mistakes of an app's own settings", async () => {
  const { code, stdout } = await runCli(['config', 'check', '-A', APP, '--json'], {
    env: { CELERY_WORKER_CONCURRENCY: 'many' },
  })
  expect(code).toBe(2)
  expect(JSON.parse(stdout).problems).toEqual([expect.stringContaining("'many'")])
})

test('config check of fine settings ends with 0', async () => {
  const { code, stdout } = await runCli(['config', 'check', '-A', APP])
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'the settings are fine\n' })
})

test('config show says where each setting came from, and shows no secret', async () => {
  const folder = freshFolder()
  writeFileSync(join(folder, '.env'), 'CELERY_RESULT_DB_PASS=hidden-in-file\n')
  const { stdout } = await runCli(['config', 'show', '-b', 'amqp://me:hidden@broker/'], {
    cwd: folder,
    env: { CELERY_QUEUES: "['export']", CELERY_RESULT_BACKEND: undefined },
  })
  const rows: readonly Record<string, unknown>[] = JSON.parse(stdout)
  const row = (name: string) => rows.find((candidate) => candidate.name === name)
  expect(row('QUEUES')).toMatchObject({ value: ['export'], variable: 'CELERY_QUEUES' })
  expect(row('broker_url')).toMatchObject({ value: 'amqp://me:***@broker/', variable: '-b' })
  expect(row('RESULT_DB_PASS')).toMatchObject({ value: '***', source: '.env' })
  expect(stdout).not.toContain('hidden')
})

test("config show --all lists Celery's own defaults too", async () => {
  const show = async (...args: string[]): Promise<readonly { name: string }[]> =>
    JSON.parse((await runCli(['config', 'show', ...args])).stdout)
  const [some, all] = [await show(), await show('--all')]
  expect(all.length).toBeGreaterThan(some.length)
  expect(all.map(({ name }) => name)).toContain('beat_max_loop_interval')
})

test('-b wins over the broker that an app gives to its Config, and both places are named', async () => {
  const app = 'test/cli/apps/fixed-broker-app.ts'
  const args = ['config', 'show', '--json', '-A', app, '-b', 'amqp://other']
  const { code, stdout, stderr } = await runCli(args, { env: { CELERY_BROKER_URL: undefined } })
  expect(code).toBe(0)
  const rows: readonly Record<string, unknown>[] = JSON.parse(stdout)
  expect(rows.find(({ name }) => name === 'broker_url')).toMatchObject({
    value: 'amqp://other',
    source: 'option',
    variable: '-b',
    shadowed: ['argument'],
    state: 'effect',
  })
  // What is meant is no mistake.
  expect(stderr).not.toContain('counts')
})

test.each([
  { who: 'an app', args: ['-A', 'test/cli/apps/fixed-broker-app.ts'], others: ['argument'] },
  { who: 'the environment', args: [], others: [] },
])(
  '-b and --result-backend name the variables that they hide from $who',
  async ({ args, others }) => {
    const urls = ['-b', 'amqp://option', '--result-backend', 'redis://option']
    const { stdout } = await runCli(['config', 'show', '--json', ...args, ...urls], {
      env: { CELERY_BROKER_URL: 'amqp://variable', CELERY_RESULT_BACKEND: 'redis://variable' },
    })
    const rows: readonly Record<string, unknown>[] = JSON.parse(stdout)
    expect(rows.find(({ name }) => name === 'broker_url')).toMatchObject({
      value: 'amqp://option',
      variable: '-b',
      shadowed: ['CELERY_BROKER_URL', ...others],
    })
    expect(rows.find(({ name }) => name === 'result_backend')).toMatchObject({
      value: 'redis://option',
      variable: '--result-backend',
      shadowed: expect.arrayContaining(['CELERY_RESULT_BACKEND']),
    })
  },
)
