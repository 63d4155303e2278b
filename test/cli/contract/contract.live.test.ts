import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MODULES, makeProject, runIn, write } from '../../projects/project.ts'
import { runCli } from '../../support/processes.ts'
import { hasService, service } from '../../support/services.ts'

const USES = `import { createApp, Config } from 'celery-toolbox'
const app = createApp(new Config())
export async function calls(): Promise<number> {
  await app.sendTask('shop.order', [{ sku: 'a' }, { zip: '1' }], { gift: true, colour: 'blue' })
  await app.sendTask('shop.total', [1, 2, 3], { anything: 1 })
  await app.sendTask('shop.unlisted', ['whatever'])
  // @ts-expect-error: of the wrong type
  await app.sendTask('shop.add', ['x'])
  // @ts-expect-error: no such keyword argument
  await app.sendTask('shop.add', [1], { z: 1 })
  // @ts-expect-error: gift is required
  await app.sendTask('shop.order', [{ sku: 'a' }, { zip: '1' }], { colour: 'red' })
  // @ts-expect-error: no such colour
  await app.sendTask('shop.order', [{ sku: 'a' }, { zip: '1' }], { gift: true, colour: 'green' })
  return await (await app.sendTask('shop.add', [1])).get()
}
`

test('a Python app gives types that compile and refuse wrong calls; a change fails the check by name', async () => {
  const folder = makeProject('module')
  const source = readFileSync(join(import.meta.dirname, 'shop.py'), 'utf8')
  write(folder, 'shop.py', source)
  write(folder, 'uses.ts', USES)
  const options = ['--python', service('PYTHON_CELERY'), '-A', 'shop', '-o', 'python-tasks.d.ts']
  const pulled = await runCli(['contract', 'pull', ...options], { cwd: folder })
  expect(pulled).toMatchObject({ code: 0, stdout: '5 tasks written to python-tasks.d.ts\n' })
  const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023']
  const files = ['uses.ts', 'python-tasks.d.ts']
  await runIn(folder, join(MODULES, '.bin/tsc'), [...flags, '--types', 'node', ...files])
  expect((await runCli(['contract', 'check', ...options], { cwd: folder })).code).toBe(0)
  write(folder, 'shop.py', source.replace('y: int = 2', 'y: str'))
  const checked = await runCli(['contract', 'check', ...options], { cwd: folder })
  expect(checked.code).toBe(1)
  expect(checked.stdout).toMatch(/^shop\.add has changed/)
  expect(checked.stdout).not.toContain('shop.order')
})

test('the error of a call that lacks arguments shows what the task takes', async () => {
  const folder = makeProject('module')
  write(folder, 'shop.py', readFileSync(join(import.meta.dirname, 'shop.py'), 'utf8'))
  write(folder, 'lacks.ts', "import { app } from './app.ts'\nvoid app.sendTask('shop.add', [])\n")
  const options = ['--python', service('PYTHON_CELERY'), '-A', 'shop', '-o', 'tasks.d.ts']
  expect((await runCli(['contract', 'pull', ...options], { cwd: folder })).code).toBe(0)
  const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023']
  const compiled = runIn(folder, join(MODULES, '.bin/tsc'), [
    ...[...flags, '--allowImportingTsExtensions', '--types', 'node'],
    ...['lacks.ts', 'tasks.d.ts'],
  ])
  await expect(compiled).rejects.toThrow(/takes: \[x: number, y\?: number/)
})

// Each with all kinds of hints: dataclasses, TypedDict, pydantic, and in depot those that Python keeps as text.
test.skipIf(!hasService('PYTHON_MYPY')).each([
  ['warehouse', 30],
  ['depot', 13],
])('%s, a Python app of %i tasks, gives types that compile under strict', async (name, count) => {
  const folder = makeProject('module')
  for (const [file, from] of [
    [`${name}.py`, `${name}.py`],
    ['uses.ts', `${name}-uses.ts.txt`],
  ] as const) {
    write(folder, file, readFileSync(join(import.meta.dirname, from), 'utf8'))
  }
  const options = ['--python', service('PYTHON_MYPY'), '-A', name, '-o', 'tasks.d.ts']
  const pulled = await runCli(['contract', 'pull', ...options], { cwd: folder })
  expect(pulled).toMatchObject({ code: 0, stdout: `${count} tasks written to tasks.d.ts\n` })
  const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023']
  const files = ['uses.ts', 'tasks.d.ts']
  await runIn(folder, join(MODULES, '.bin/tsc'), [...flags, '--types', 'node', ...files])
})
