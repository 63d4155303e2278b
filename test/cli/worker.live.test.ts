import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Config, createApp } from '../../src/index.ts'
import { freePort } from '../support/free-port.ts'
import type { Process } from '../support/processes.ts'
import { waitFor } from '../support/wait-for.ts'
import { APP, type CliSpace, cliSpace } from './cli-space.ts'
import { freshFolder } from './fresh-folder.ts'

test('a worker runs what call sends, and says what it is', async () => {
  const cli = await migrated()
  const worker = await cli.startWorker('-n', 'tested@%h', '-c', '7')
  const called = await cli.run('call', 'export.add', '--args', '[2, 3]', '--wait', '--json')
  expect(JSON.parse(called.stdout)).toMatchObject({ status: 'SUCCESS', result: 5 })
  expect(called.code).toBe(0)
  expect(worker.stdout).toMatch(/tested@/)
  expect(worker.stdout).toContain('concurrency  7, prefetch')
  expect(worker.stdout).toContain('export  exchange=task_exchange key=export')
  expect(worker.stdout).toContain('. export.add')
  expect(worker.stdout).toMatch(/results +db\+postgres:\/\/\w+:\*\*\*@/)
})

test('call passes keyword arguments and headers on', async () => {
  const cli = await migrated()
  await cli.startWorker()
  const options = ['--kwargs', '{"value": [1.0, 12345678901234567890]}', '--header', 'tenant=7']
  const called = await cli.run('call', 'export.echo', ...options, '--wait')
  expect(called.stdout.split('\n')[1]).toBe('{"value":[1,12345678901234567890],"tenant":"7"}')
})

test('call --wait ends with 1 and the error where the task failed, and so does result', async () => {
  const cli = await migrated()
  await cli.startWorker()
  const called = await cli.run('call', 'export.fail', '--args', '["no ink"]', '--wait')
  expect(called.code).toBe(1)
  expect(called.stderr).toContain('RangeError: no ink')
  const [id = ''] = called.stdout.split('\n')
  const read = await cli.run('result', id)
  expect(read.code).toBe(1)
  expect(read.stderr).toContain(`task ${id} ended as FAILURE: RangeError: no ink`)
})

test('result of an unknown task is PENDING', async () => {
  const cli = await migrated()
  expect(await cli.run('result', 'no-such-id')).toMatchObject({ code: 0, stdout: 'PENDING\n' })
})

test('SIGTERM lets a running task finish, and the worker ends with 0', async () => {
  const cli = await migrated()
  const worker = await cli.startWorker()
  const { gate, id } = await heldTask(cli)
  worker.kill('SIGTERM')
  await worker.waitForLine(/worker: Warm shutdown \(SIGQUIT stops it at once\)/)
  writeFileSync(gate, '')
  expect(await worker.exited).toEqual({ code: 0, signal: null })
  expect((await cli.run('result', id)).stdout).toBe('"released"\n')
})

test('SIGHUP starts a worker anew: connections, port and pidfile are free for the new process', async () => {
  const cli = await migrated()
  const pidfile = join(freshFolder(), 'worker.pid')
  const port = `${await freePort()}`
  const worker = await cli.startWorker('--pidfile', pidfile, '--health-port', port)
  worker.kill('SIGHUP')
  await waitFor('the new process', () => readies(worker) === 2, { deadlineMs: 60_000 })
  const pid = Number(readFileSync(pidfile, 'utf8'))
  expect(pid).not.toBe(worker.pid)
  process.kill(pid, 'SIGTERM')
  expect(await worker.exited).toEqual({ code: 0, signal: null })
  expect(existsSync(pidfile)).toBe(false)
})

test('SIGHUP again and again leaves one supervisor and one worker, and reaches a worker that just starts', async () => {
  const cli = await cliSpace()
  const pidfile = join(freshFolder(), 'worker.pid')
  const first = await cli.startWorker('--pidfile', pidfile)
  const seen = new Set([first.pid])
  for (let times = 2; times <= 4; times += 1) {
    first.kill('SIGHUP')
    // Before it listens to signals.
    if (times === 4) await hangUpWhileStarting(first, seen)
    await waitFor('the next worker', () => readies(first) === times, { deadlineMs: 60_000 })
    const pid = Number(readFileSync(pidfile, 'utf8'))
    expect(seen).not.toContain(pid)
    seen.add(pid)
    expect(childrenOf(first.pid)).toEqual([pid])
    expect(childrenOf(pid)).toEqual([])
  }
  expect(await first.stop()).toEqual({ code: 0, signal: null })
})

/** As soon as there is another worker than those. */
async function hangUpWhileStarting(first: Process, seen: ReadonlySet<number>): Promise<void> {
  const isNew = (): boolean => childrenOf(first.pid).some((pid) => !seen.has(pid))
  await waitFor('a new process', isNew, { deadlineMs: 60_000, everyMs: 5 })
  first.kill('SIGHUP')
}

function readies(worker: Process): number {
  return worker.output.match(/"worker ready"/g)?.length ?? 0
}

function childrenOf(parent: number): number[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
  const pairs = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
  return pairs.flatMap(([pid = 0, ppid]) => (ppid === parent ? [pid] : []))
}

test('events shows tasks live, and a worker that remote control shuts down ends with 0', async () => {
  const cli = await cliSpace({ CELERY_RESULT_BACKEND: 'rpc://' })
  const [worker, top] = [
    await cli.startWorker('-n', 'one@test', '-E'),
    cli.start('events', '--json', '-F', '0.2'),
  ]
  const { vhost } = cli
  await using app = createApp(
    new Config({ broker_url: vhost.url, queues: ['export'], dotenv: false, environment: {} }),
  )
  await waitFor(
    'tasks to be reported',
    async () => {
      await app.sendTask('export.add', [2, 3], {}, { ignoreResult: true })
      return /"name":"export\.add".*"rate"/.test(top.stdout)
    },
    { deadlineMs: 40_000 },
  )
  expect(await top.stop()).toEqual({ code: 0, signal: null })
  const told = await cli.run('control', '-d', 'one@test', '-t', '20', 'shutdown')
  expect(told).toMatchObject({ code: 0, stdout: '->  one@test: OK\n        shutting down\n' })
  expect(await worker.exited).toEqual({ code: 0, signal: null })
})

test('a second signal stops at once', async () => {
  const cli = await migrated()
  const worker = await cli.startWorker()
  await heldTask(cli)
  worker.kill('SIGINT')
  await worker.waitForLine(/Warm shutdown/)
  worker.kill('SIGINT')
  await worker.waitForLine(/worker: Cold shutdown, what runs is abandoned/)
  expect(await worker.exited).toEqual({ code: 1, signal: null })
})

test('--grace limits how long a warm shutdown waits', async () => {
  const cli = await migrated()
  const worker = await cli.startWorker('--grace', '0.2')
  await heldTask(cli)
  expect(await worker.stop('SIGTERM')).toEqual({ code: 0, signal: null })
})

test('a promise that a task forgot does not end the worker', async () => {
  const cli = await migrated()
  const worker = await cli.startWorker()
  await cli.run('call', 'export.stray', '--wait')
  await worker.waitForLine(/nobody caught this/)
  const called = await cli.run('call', 'export.add', '--args', '[1, 1]', '--wait')
  expect(called.stdout).toMatch(/\n2\n$/)
})

test('a task that no work queue takes is refused, naming the queues', async () => {
  const cli = await migrated()
  const called = await cli.run('call', 'nobody.reads', '-A', APP)
  expect(called).toMatchObject({ code: 2, stdout: '' })
  expect(called.stderr).toMatch(/the work queues are: celery, export.*\[TASK_UNROUTABLE\]/s)
})

test('an unknown queue, pool or app ends with 2', async () => {
  const cli = await cliSpace()
  const unknown = [
    ['-A', APP, '-Q', 'nowhere'],
    ['-A', APP, '-P', 'nope'],
    ['-A', 'nowhere.ts'],
    [],
  ]
  const exits = await Promise.all(unknown.map((args) => cli.run('worker', ...args)))
  expect(exits.map(({ code }) => code)).toEqual([2, 2, 2, 2])
  expect(exits.map(({ stderr }) => stderr).join('')).toMatch(
    /there is no queue "nowhere"[\s\S]*there is no pool "nope"[\s\S]*cannot find the app[\s\S]*needs its app/,
  )
})

async function migrated(): Promise<CliSpace> {
  const cli = await cliSpace()
  await cli.run('migrate', 'up')
  return cli
}

/** A task that runs until its gate is written. */
async function heldTask(cli: CliSpace): Promise<{ readonly gate: string; readonly id: string }> {
  const gate = join(freshFolder(), 'gate')
  const { stdout } = await cli.run('call', 'export.hold', '--args', JSON.stringify([gate]))
  await waitFor('the task to run', () => existsSync(`${gate}.running`))
  return { gate, id: stdout.trim() }
}
