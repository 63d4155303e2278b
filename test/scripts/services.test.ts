import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startProcess } from '../support/processes.ts'
import { PROJECT } from '../support/services.ts'

const NOTHING_GIVEN = { AMQP_URL: undefined, DATABASE_URL: undefined, REDIS_URL: undefined }

test('scripts/services --help names every command and ends with exit code 0', async () => {
  const { code, stdout } = await services(['--help'])
  expect(code).toBe(0)
  for (const command of ['up', 'down', 'status', 'env', 'rabbitmqctl']) {
    expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'))
  }
})

test.each([
  [[], 'a command is missing'],
  [['upp'], 'unknown command: upp'],
  [['constructor'], 'unknown command: constructor'],
  [['up', 'redis'], 'up takes no arguments: redis'],
])('scripts/services %j is refused as a usage error', async (args, problem) => {
  const { code, stderr } = await services(args)
  expect(code).toBe(2)
  expect(stderr).toContain(problem)
})

test('status shows what is missing and ends with exit code 1', async () => {
  const { code, stdout } = await services(['status'])
  expect(code).toBe(1)
  for (const server of ['rabbitmq', 'postgres', 'redis']) {
    expect(stdout).toMatch(new RegExp(`^${server} +missing$`, 'm'))
  }
})

test('status masks the password of a server that the environment gives', async () => {
  const { stdout } = await services(['status'], { AMQP_URL: 'amqp://guest:hunter2@127.0.0.1:1' })
  expect(stdout).toMatch(/^rabbitmq +down +given +amqp:\/\/guest:\*\*\*@127\.0\.0\.1:1$/m)
  expect(stdout).not.toContain('hunter2')
})

test('status does not take a process for a server of before the machine restarted', async () => {
  const home = freshHome()
  const daemons = [{ pid: process.pid, identity: `another-boot/${process.pid}/1` }]
  const url = 'redis://127.0.0.1:1/0'
  writeFileSync(
    join(home, 'state.json'),
    JSON.stringify({ redis: { origin: 'packages', url, daemons } }),
  )
  const { code, stdout } = await services(['status'], { SERVICES_HOME: home })
  expect(code).toBe(1)
  expect(stdout).toMatch(/^redis +down +packages +redis:/m)
})

test('down leaves a process alone that only has the number of a server', async () => {
  const home = freshHome()
  const bystander = startProcess(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  const daemons = [{ pid: bystander.pid, identity: 'another-boot/1/1', stopSignal: 'SIGKILL' }]
  writeFileSync(
    join(home, 'state.json'),
    JSON.stringify({ redis: { origin: 'packages', url: 'redis://127.0.0.1:1/0', daemons } }),
  )
  expect((await services(['down'], { SERVICES_HOME: home })).code).toBe(0)
  expect(await bystander.stop('SIGTERM')).toEqual({ code: null, signal: 'SIGTERM' })
})

test('env without up says which command to run', async () => {
  const { code, stderr } = await services(['env'])
  expect(code).toBe(1)
  expect(stderr).toContain('run scripts/services up')
})

test('env prints what up wrote down', async () => {
  const home = freshHome()
  writeFileSync(join(home, 'env'), 'AMQP_URL=amqp://guest:guest@127.0.0.1:5672/a=b\n')
  const { code, stdout } = await services(['env'], { SERVICES_HOME: home })
  expect(code).toBe(0)
  expect(stdout).toBe('AMQP_URL=amqp://guest:guest@127.0.0.1:5672/a=b\n')
})

test('rabbitmqctl is that of the server that up started, also where its address is given', async () => {
  const home = freshHome()
  writeFileSync(join(home, 'rabbitmqctl'), '#!/bin/sh\necho ours: "$@"\n', { mode: 0o755 })
  const url = 'amqp://guest:guest@127.0.0.1:1'
  const rabbitmq = { origin: 'packages', url, daemons: [], scripts: home, folder: home, env: {} }
  writeFileSync(join(home, 'state.json'), JSON.stringify({ rabbitmq }))
  const env = { SERVICES_HOME: home, AMQP_URL: url, RABBITMQCTL: undefined }
  const { stdout } = await services(['rabbitmqctl', 'list_vhosts'], env)
  expect(stdout).toBe('ours: list_vhosts\n')
})

async function services(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const started = startProcess(join(PROJECT, 'scripts/services'), args, {
    env: { ...NOTHING_GIVEN, SERVICES_HOME: env.SERVICES_HOME ?? freshHome(), ...env },
  })
  const { code } = await started.exited
  return { code, stdout: started.stdout, stderr: started.stderr }
}

function freshHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'services-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  return home
}
