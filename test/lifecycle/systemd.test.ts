import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Systemd, type SystemdVariables } from '../../src/lifecycle/systemd.ts'
import { freshFolder } from '../cli/fresh-folder.ts'

const NONE: SystemdVariables = { notifySocket: null, watchdogUsec: null, watchdogPid: null }
const SOCKET: SystemdVariables = { ...NONE, notifySocket: '/run/notify' }

test('what is said arrives in order, and close waits for it', async () => {
  const { systemd, heard } = watched(SOCKET)
  systemd.ready('running')
  systemd.stopping('Warm shutdown')
  await systemd.close()
  expect(heard()).toEqual(['READY=1 STATUS=running', 'STOPPING=1 STATUS=Warm shutdown'])
})

test('without systemd nothing is run', async () => {
  const { systemd, heard } = watched(NONE)
  systemd.ready('running')
  await systemd.close()
  expect(heard()).toEqual([])
})

test.each([
  ['of this process', { watchdogPid: String(process.pid) }, true],
  ['of any process', { watchdogPid: null }, true],
  ['of another process', { watchdogPid: '1' }, false],
  ['that is off', { watchdogUsec: '0' }, false],
])('a watchdog %s', async (_whose, variables, isTold) => {
  const { systemd, heard } = watched({ ...SOCKET, watchdogUsec: '30000', ...variables })
  systemd.ready('running')
  const hasHeard = (): boolean => heard().includes('WATCHDOG=1')
  if (isTold) await expect.poll(hasHeard, { timeout: 10_000 }).toBe(true)
  await systemd.close()
  expect(hasHeard()).toBe(isTold)
})

test('an unreachable systemd is reported once', async () => {
  const problems: string[] = []
  const systemd = new Systemd({
    variables: SOCKET,
    onProblem: ({ message }) => problems.push(message),
    program: '/nowhere/systemd-notify',
  })
  systemd.ready('running')
  systemd.stopping('Warm shutdown')
  await systemd.close()
  expect(problems).toEqual(['spawn /nowhere/systemd-notify ENOENT'])
})

/** With a program that writes down what it is given. */
function watched(variables: SystemdVariables) {
  const folder = freshFolder()
  const [program, file] = [join(folder, 'systemd-notify'), join(folder, 'heard')]
  writeFileSync(program, `#!/bin/sh\necho "$*" >> ${file}\n`)
  chmodSync(program, 0o755)
  const onProblem = (problem: Error): void => {
    throw problem
  }
  const systemd = new Systemd({ variables, onProblem, program })
  const heard = (): string[] =>
    existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
  return { systemd, heard }
}
