import { expect, test } from 'vitest'
import type { Check } from '../../src/cli/doctor/check.ts'
import { type CliSpace, cliSpace } from './cli-space.ts'

test('doctor finds nothing to mend where everything is as it should be', async () => {
  const cli = await cliSpace()
  await cli.run('migrate', 'up')
  const { code, stdout } = await cli.run('doctor')
  expect(stdout).not.toContain('✗')
  expect(code).toBe(0)
  expect(stdout).toContain('✓ exchange task_exchange: topic')
  expect(stdout).toContain('✓ binding task_exchange → platform.fifo: key #')
  expect(stdout).toMatch(/– monitor: no monitor reads platform.fifo.*\n +→ start one/)
  expect(stdout).toContain('✓ permissions')
})

test('doctor says what to do about missing migrations', async () => {
  const cli = await cliSpace()
  const { code, failed } = await examined(cli)
  expect(code).toBe(1)
  expect(failed).toContainEqual(
    expect.objectContaining({ name: 'migrations', advice: 'celery-toolbox migrate up' }),
  )
})

test('doctor names the queue that was declared otherwise', async () => {
  const cli = await cliSpace()
  await cli.run('migrate', 'up')
  await cli.run('queues', '-b', cli.vhost.url)
  await cli.vhost.rabbitmqctl(
    'eval',
    `rabbit_amqqueue:declare(rabbit_misc:r(<<"${cli.vhost.name}">>, queue, <<"export">>), true, false, [{<<"x-max-priority">>, byte, 10}], none, <<"test">>).`,
  )
  const { code, failed } = await examined(cli)
  expect(code).toBe(1)
  expect(failed.map(({ name }) => name)).toEqual(['queue export'])
  expect(failed[0]?.found).toContain('x-max-priority')
})

test('doctor goes on where the broker is away, and keeps its password', async () => {
  const cli = await cliSpace({ CELERY_BROKER_CONNECTION_TIMEOUT: '0.5' })
  await cli.run('migrate', 'up')
  const { code, stdout, failed } = await examined(cli, '-b', 'amqp://guest:hidden@127.0.0.1:1/')
  expect(code).toBe(1)
  expect(failed.map(({ name }) => name)).toEqual(['broker'])
  expect(stdout).toContain('"database"')
  expect(stdout).not.toContain('hidden')
})

async function examined(cli: CliSpace, ...args: string[]) {
  const { code, stdout } = await cli.run('doctor', '--json', ...args)
  const { checks }: { checks: readonly Check[] } = JSON.parse(stdout)
  return { code, stdout, failed: checks.filter(({ state }) => state === 'failed') }
}
