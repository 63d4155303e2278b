import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCli, startProcess } from '../support/processes.ts'
import { PROJECT } from '../support/services.ts'

test('an unknown command names the nearest and ends with 2', async () => {
  const { code, stderr } = await runCli(['wrker'])
  expect(code).toBe(2)
  expect(stderr).toMatch(/unknown command 'wrker'\n\(Did you mean worker\?\)/)
})

test('an unknown option names the nearest and ends with 2', async () => {
  const { code, stderr } = await runCli(['worker', '--concurency', '3'])
  expect(code).toBe(2)
  expect(stderr).toMatch(/unknown option '--concurency'\n\(Did you mean --concurrency\?\)/)
})

test('without a command the help is shown, and it is a usage error', async () => {
  const { code, stderr } = await runCli([])
  expect(code).toBe(2)
  expect(stderr).toContain('Usage: celery-toolbox')
})

test.each([['--help'], ['help'], ['worker', '--help'], ['help', 'migrate'], ['--version']])(
  '"celery-toolbox %s %s" is no failure',
  async (...args) => {
    const { code, stdout } = await runCli(args)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Usage: celery-toolbox|^\d+\.\d+\.\d+/)
  },
)

test('an error shows its stack only when asked for', async () => {
  const call = ['call', 'x.y', '--broker', 'memory://test', '--result-backend', 'disabled://']
  const { stderr: short } = await runCli(call)
  expect(short).toMatch(/^(?:warning: .*\n)?error: task "x\.y".*\[TASK_UNROUTABLE\]\n$/)
  const { stderr: long } = await runCli([...call, '--debug'])
  expect(long).toMatch(/\n +at .*\.js:\d+/)
})

test('a reader that has seen enough is no error', async () => {
  const program = join(PROJECT, 'dist/src/cli/main.js')
  const piped = startProcess('sh', [
    '-c',
    `"${process.execPath}" "${program}" config show --all | head -1`,
  ])
  await piped.exited
  expect(piped.stdout).toBe('[\n')
  expect(piped.stderr).not.toContain('EPIPE')
})

test('a call loads neither TypeORM nor a database driver', async () => {
  const call = ['call', 'export.add', '-b', 'memory://test', '--result-backend', 'disabled://']
  const loaded = await loadedPackages(call)
  expect(loaded).not.toContain('typeorm')
  expect(loaded).not.toContain('pg')
  expect(loaded).not.toContain('amqplib')
})

test('config loads no driver', async () => {
  const loaded = await loadedPackages(['config', 'check'])
  expect(loaded.filter((name) => ['typeorm', 'pg', 'amqplib', 'pino'].includes(name))).toEqual([])
})

test.each(['--version', '-V'])('%s loads no command', async (option) => {
  const { stdout, stderr } = await finished(join(PROJECT, 'dist/src/cli/main.js'), [option])
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  expect(stderr).toMatch(/chunks\/run-program-/)
  expect(stderr).not.toMatch(/chunks\/(?:worker|monitor|call|tasks|config)-/)
})

/** The packages of node_modules that a command has loaded, ES modules and CommonJS alike. */
async function loadedPackages(args: readonly string[]): Promise<readonly string[]> {
  const program = join(PROJECT, 'dist/src/cli/main.js')
  const { stderr } = await finished(program, args)
  const names = [...stderr.matchAll(/node_modules\/((?:@[^/]+\/)?[^/'"]+)/g)].map(
    ([, name = '']) => name,
  )
  // Node tells what it loads; the command itself is bundled with most of what it needs.
  expect(stderr).toContain('dist/src/cli/main.js')
  return [...new Set(names)]
}

async function finished(program: string, args: readonly string[]) {
  const running = startProcess(process.execPath, [program, ...args], {
    env: { NODE_DEBUG: 'esm,module', CELERY_QUEUES: "['export']" },
  })
  await running.exited
  return running
}
