import { readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { MODULES, makeProject, runIn, write } from '../../projects/project.ts'
import { runCli, startProcess } from '../../support/processes.ts'
import { hasService, service } from '../../support/services.ts'

const HERE = join(import.meta.dirname, 'stub')
const STUB = ['-A', 'app.ts', '-o', 'tasks.pyi'] as const

describe.skipIf(!hasService('PYTHON_MYPY'))('with mypy', () => {
  test('an app of 37 tasks gives stubs that mypy accepts, and by which it refuses wrong calls', async () => {
    const folder = projectWith(['app.ts', 'types.ts'])
    const made = await runCli(['contract', 'stub', ...STUB], { cwd: folder })
    expect(made).toMatchObject({ code: 0, stderr: '' })
    expect(made.stdout).toMatch(
      /^37 tasks written to tasks\.pyi\n {2}export\.untyped takes and gives Any: export it/,
    )
    const uses = readFileSync(join(HERE, 'uses.py'), 'utf8')
    write(folder, 'uses.py', uses)
    const wrong = uses.split('\n').flatMap((line, at) => (line.endsWith('# wrong') ? [at + 1] : []))
    expect(await complaints(folder)).toEqual(wrong)
    await runIn(folder, service('PYTHON_MYPY'), ['-m', 'py_compile', 'tasks.py'])
  }, 120_000)

  test('the types of the stub follow the app: a change fails the check by the name of the task', async () => {
    const folder = projectWith(['app.ts', 'types.ts'])
    await runCli(['contract', 'stub', ...STUB], { cwd: folder })
    const same = await runCli(['contract', 'check', ...STUB], { cwd: folder })
    expect(same).toMatchObject({ code: 0, stdout: 'tasks.pyi is up to date\n' })
    const source = readFileSync(join(folder, 'app.ts'), 'utf8')
    write(folder, 'app.ts', source.replace('(x: number, y: number) => x + y', '(x: string) => x'))
    const changed = await runCli(['contract', 'check', ...STUB], { cwd: folder })
    expect(changed.code).toBe(1)
    expect(changed.stdout).toMatch(/^export\.add has changed\n→ celery-toolbox contract stub/)
  }, 120_000)
})

test('an app compiles where its project emits declarations', async () => {
  const folder = projectWith(['app.ts', 'types.ts'])
  const flags = ['--declaration', '--emitDeclarationOnly', '--outDir', 'out', '--strict']
  const target = ['--module', 'nodenext', '--target', 'es2023', '--types', 'node', '--skipLibCheck']
  expect(await runIn(folder, join(MODULES, '.bin/tsc'), [...flags, ...target, 'app.ts'])).toBe('')
})

test('a stub is a .pyi file, and needs the compiler of the project', async () => {
  const folder = projectWith(['app.ts', 'types.ts'], { compiler: false })
  const named = await runCli(['contract', 'stub', '-A', 'app.ts', '-o', 'tasks.py'], {
    cwd: folder,
  })
  expect(named).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/a name that ends with \.pyi/),
  })
  const lacking = await runCli(['contract', 'stub', ...STUB], { cwd: folder })
  expect(lacking.stderr).toMatch(/npm install --save-dev typescript/)
})

function projectWith(files: readonly string[], { compiler = true } = {}): string {
  const folder = makeProject('module')
  for (const file of files) write(folder, file, readFileSync(join(HERE, `${file}.txt`), 'utf8'))
  for (const name of ['zod', ...(compiler ? ['typescript'] : [])]) {
    symlinkSync(join(MODULES, name), join(folder, 'node_modules', name))
  }
  return folder
}

/** The lines of uses.py that mypy complains of; nothing of the stub itself. */
async function complaints(folder: string): Promise<readonly number[]> {
  const args = ['-m', 'mypy', '--strict', '--no-error-summary', 'tasks.pyi', 'uses.py']
  const mypy = startProcess(service('PYTHON_MYPY'), args, { cwd: folder })
  await mypy.exited
  const lines = mypy.stdout.split('\n').filter((line) => / error: /.test(line))
  const elsewhere = lines.filter((line) => !line.startsWith('uses.py:'))
  expect(elsewhere).toEqual([])
  return [...new Set(lines.map((line) => Number(line.split(':')[1])))].toSorted((a, b) => a - b)
}
