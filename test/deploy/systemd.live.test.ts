import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freshFolder } from '../cli/fresh-folder.ts'
import { Effects } from '../faults/fault-worker.ts'
import { freshServers, liveApp } from '../support/live-app.ts'
import { type Process, runCli, startCli, startProcess } from '../support/processes.ts'
import { PROJECT } from '../support/services.ts'
import { waitFor } from '../support/wait-for.ts'
import { DEPLOY, UNITS } from './deploy-files.ts'

const APP = join(PROJECT, 'test/faults/pools/app.js')

/** systemd's side of sd_notify: a datagram socket of Unix, which Node has none of. */
const LISTENER = `
import socket, sys, time
heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
heard.bind(sys.argv[1])
print('listening', flush=True)
while True:
    for line in heard.recv(4096).decode().splitlines():
        print(f'{time.time():.3f} {line}', flush=True)
`

test.each(UNITS)('systemd-analyze has nothing to say against %s', (unit) => {
  const path = join(DEPLOY, 'systemd', unit)
  expect(verified(path)).toBe('')
})

test('the units that multi prints are as good', async () => {
  const args = ['multi', 'start', 'one', '-A', APP, '-Q', 'fault']
  const { stdout } = await runCli(args)
  const unit = stdout.slice(0, stdout.indexOf('# then:'))
  expect(unit).toContain('Type=notify')
  const path = join(freshFolder(), 'celery-toolbox@.service')
  writeFileSync(path, unit)
  expect(verified(path)).toBe('')
})

test('a worker notifies systemd when it is ready, that its loop turns, when it starts anew and when it stops', async () => {
  const { worker, systemd } = await startWatched('processes')
  expect(words(systemd)[0]).toBe('READY=1')
  await systemd.waitForLine(/WATCHDOG=1/)
  worker.kill('SIGHUP')
  await waitFor('the new worker', () => count(systemd, 'READY=1') === 2, { deadlineMs: 30_000 })
  expect(words(systemd)).toContain('RELOADING=1')
  expect(words(systemd)).not.toContain('STOPPING=1')
  const before = count(systemd, 'WATCHDOG=1')
  await waitFor('its watchdog', () => count(systemd, 'WATCHDOG=1') > before)
  expect(await worker.stop()).toEqual({ code: 0, signal: null })
  const end = words(systemd).filter((word) => word !== 'WATCHDOG=1')
  expect(end.slice(-2)).toEqual(['STOPPING=1', 'STATUS=Warm shutdown'])
})

test('a loop in a thread leaves the watchdog alone, one in the event loop does not', async () => {
  const { app, systemd, effects } = await startWatched('async')
  const killed = await app.sendTask('fault.spin-on-threads', [1])
  await expect(killed.get({ timeoutMs: 20_000 })).rejects.toThrow('TimeLimitExceeded')
  expect(Math.max(...gaps(systemd))).toBeLessThan(1)
  await app.sendTask('fault.spin', [2, 2_500])
  await waitFor('the loop to end', () => effects.count('end') === 1, { deadlineMs: 20_000 })
  const seen = count(systemd, 'WATCHDOG=1')
  await waitFor('the watchdog after it', () => count(systemd, 'WATCHDOG=1') > seen)
  expect(Math.max(...gaps(systemd))).toBeGreaterThan(2)
})

async function startWatched(pool: string) {
  const servers = await freshServers(['fault'])
  const effects = new Effects()
  const socket = join(freshFolder(), 'notify')
  const systemd = startProcess('python3', ['-c', LISTENER, socket])
  await systemd.waitForLine(/listening/)
  const env = {
    ...servers.env,
    EFFECTS: effects.file,
    NOTIFY_SOCKET: socket,
    WATCHDOG_USEC: '600000',
  }
  const worker = startCli(['worker', '-A', APP, '-Q', 'fault', '-P', pool, '-c', '1'], { env })
  await systemd.waitForLine(/READY=1/)
  return { app: liveApp(servers), worker, systemd, effects }
}

function words(systemd: Process): readonly string[] {
  return lines(systemd).map((line) => line.slice(line.indexOf(' ') + 1))
}

function count(systemd: Process, word: string): number {
  return words(systemd).filter((each) => each === word).length
}

/** Seconds between one sign of life and the next. */
function gaps(systemd: Process): readonly number[] {
  const times = lines(systemd)
    .filter((line) => line.endsWith('WATCHDOG=1'))
    .map((line) => Number(line.split(' ')[0]))
  return times.slice(1).map((time, at) => time - Number(times[at]))
}

/** But for BARRIER, by which systemd-notify waits until the rest was heard. */
function lines(systemd: Process): readonly string[] {
  const all = systemd.stdout.trim().split('\n').slice(1)
  return all.filter((line) => !line.endsWith('BARRIER=1'))
}

/** What systemd has to say of a unit: it names unknown settings and bad values, though it ends with 0. */
function verified(path: string): string {
  const { stdout, stderr, error } = spawnSync('systemd-analyze', ['verify', path], {
    encoding: 'utf8',
  })
  if (error !== undefined) throw error
  return stdout + stderr
}
