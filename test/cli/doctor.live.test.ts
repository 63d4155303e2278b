import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, test } from 'vitest'
import type { Check } from '../../src/cli/doctor/check.ts'
import { makeProject } from '../projects/project.ts'
import { runCli } from '../support/processes.ts'
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

test('doctor gives up a database and a result backend that are silent', async () => {
  await using silent = await silentServer()
  const cli = await cliSpace({ CELERY_RESULT_BACKEND: `db+${silent.url}` })
  const { code, failed } = await examined(cli, '--database', silent.url)
  expect(code).toBe(1)
  expect(failed.map(({ name }) => name)).toEqual(['results', 'database'])
  expect(silent.heldMs).toHaveLength(2)
  for (const heldMs of silent.heldMs) expect(heldMs).toBeLessThan(8_000)
})

test('no command warns that -b counts in place of what the app gives its config', async () => {
  const cli = await cliSpace()
  const folder = makeProject('module')
  const { stderr } = await runCli(['-A', 'app.ts', 'doctor', '-b', cli.vhost.url], { cwd: folder })
  expect(stderr).not.toContain('in the environment counts')
})

async function examined(cli: CliSpace, ...args: string[]) {
  const { code, stdout } = await cli.run('doctor', '--json', ...args)
  const { checks }: { checks: readonly Check[] } = JSON.parse(stdout)
  return { code, stdout, failed: checks.filter(({ state }) => state === 'failed') }
}

/** Takes connections, answers nothing, and notes how long each was held. */
async function silentServer() {
  const heldMs: number[] = []
  const server = createServer((socket) => {
    const openedAt = performance.now()
    socket.on('error', () => undefined).resume()
    socket.on('close', () => heldMs.push(performance.now() - openedAt))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo // a server of TCP has a port
  return {
    url: `postgresql://who@127.0.0.1:${port}/none`,
    heldMs,
    [Symbol.asyncDispose]: async () => void (await once(server.close(), 'close')),
  }
}
