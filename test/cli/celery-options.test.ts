import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { buildProgram } from '../../src/cli/program/program.ts'
import { PidFile } from '../../src/cli/worker/pid-file.ts'

async function run(...args: string[]): Promise<void> {
  const program = await buildProgram(args)
  for (const command of [program, ...program.commands])
    command.configureOutput({ writeErr: () => undefined })
  await program.parseAsync(args, { from: 'user' })
}

test.each([
  [['-D'], '-D, --detach is not taken: a service manager'],
  [['--detach'], 'celery-toolbox multi prints units'],
  [['-f', 'worker.log'], '-f, --logfile is not taken: the log goes to standard error'],
  [['--logfile=worker.log'], 'SETUP_FILE_LOGGING'],
  [['--uid', 'nobody'], 'User= of its systemd unit'],
  [['--gid', 'nobody'], 'Group= of its systemd unit'],
  [['-B'], 'celery beat, beside the workers'],
])('worker %j is refused, and says what does the same', async (options, why) => {
  await expect(run('worker', '-A', 'app.ts', ...options)).rejects.toThrow(why)
})

test('-O takes what Celery has, and nothing else', async () => {
  await expect(run('worker', '-O', 'fast')).rejects.toThrow(/Expected fair or default/)
  // Past its options: the app is missing.
  await expect(run('worker', '-O', 'fair')).rejects.toThrow('a worker needs its app')
  await expect(run('worker', '-Ofair')).rejects.toThrow('a worker needs its app')
})

async function printed(...args: string[]): Promise<string> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  try {
    await run(...args)
    return write.mock.calls.map(([text]) => text).join('')
  } finally {
    write.mockRestore()
  }
}

test('multi is answered with units for systemd', async () => {
  const text = await printed(
    'multi',
    'start',
    'w1',
    'w2',
    '-A',
    'dist/app.js',
    '-Q',
    'a b',
    '-c',
    '4',
  )
  expect(text).toMatch(/^ExecStart=.* worker -A dist\/app\.js -n %i@%%h -Q "a b" -c 4$/m)
  expect(text).toContain('systemctl enable --now celery-toolbox@w1 celery-toolbox@w2\n')
  expect(await printed('multi', 'stop', '3')).toBe(
    'systemctl stop celery-toolbox@celery1 celery-toolbox@celery2 celery-toolbox@celery3\n',
  )
})

test.each([
  [['dance', 'w1'], /"dance" is not an action, expected one of start/],
  [['start', '-A', 'app.js'], /name the workers/],
  [['start', 'w1'], /needs the app/],
  [['constructor', 'w1'], /is not an action/],
])('multi %j says what is missing', async (args, why) => {
  await expect(run('multi', ...args)).rejects.toThrow(why)
})

function freshPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pid-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return join(folder, 'worker.pid')
}

test('a pid file holds the process id, and goes with it', () => {
  const path = freshPath()
  {
    using _held = new PidFile(path)
    expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`)
  }
  expect(existsSync(path)).toBe(false)
})

test('a pid file of a process that runs is refused; one that is left over is taken', () => {
  const path = freshPath()
  writeFileSync(path, `${process.ppid}\n`)
  expect(() => new PidFile(path)).toThrow(`belongs to process ${process.ppid}, which is running`)
  expect(readFileSync(path, 'utf8')).toBe(`${process.ppid}\n`)
  writeFileSync(path, 'not a number')
  new PidFile(path)[Symbol.dispose]()
  expect(() => new PidFile('/nowhere/worker.pid')).toThrow(/cannot be written: ENOENT/)
})
