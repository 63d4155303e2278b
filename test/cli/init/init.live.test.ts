import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MODULES, makeProject, runIn } from '../../projects/project.ts'
import { freshServers, type Servers } from '../../support/live-app.ts'
import { runCli, startCli } from '../../support/processes.ts'
import { runPythonJson, startPythonWorker } from '../../support/python-celery.ts'
import { service } from '../../support/services.ts'

const PYTHON = join(import.meta.dirname, '../../interop/python')
const CLEAN = { CELERY_BROKER_URL: undefined, CELERY_RESULT_BACKEND: undefined }

test.each(['module', 'commonjs', undefined])(
  'in a package of type %s the new app compiles and passes its tests',
  async (type) => {
    const folder = makeProject(type)
    const made = await runCli(['init', '--force'], { cwd: folder, env: CLEAN })
    expect(made).toMatchObject({ code: 0, stderr: '' })
    await runIn(folder, join(MODULES, '.bin/tsc'), ['-p', '.'])
    const tests = await runIn(folder, process.execPath, [
      '--import',
      'tsx',
      '--test',
      'app.test.ts',
    ])
    expect(tests).toMatch(/^# pass 2$/m)
  },
)

test('beside a plain Celery the new app is called by Python and calls it; files that are there stay', async () => {
  const servers = await freshServers([])
  const env = { ...servers.env, PYTHONPATH: PYTHON }
  const worker = await startPythonWorker({ app: 'plain_app', queues: ['celery'], env })
  const folder = makeProject('module')
  const args = ['init', '--python', service('PYTHON_CELERY'), '-A', 'plain_app', '--force']
  const made = await runCli(args, { cwd: folder, env })
  expect(made).toMatchObject({ code: 0, stderr: '' })
  expect(made.stdout).toMatch(
    /Celery \d\S+ "plain", 2 tasks\n {2}queue celery on the direct exchange celery/,
  )
  expect(made.stdout).toMatch(/answers; queues: celery \(0 waiting\)/)
  expect(existsSync(join(folder, 'mirrored-topology.md'))).toBe(true)
  expect(readFileSync(join(folder, 'python-tasks.d.ts'), 'utf8')).toContain('"python.add"')
  await runIn(folder, join(MODULES, '.bin/tsc'), ['-p', '.'])

  const ours = startCli(['worker', '-A', 'app.ts', '-Q', 'export'], { cwd: folder, env: CLEAN })
  await ours.waitForLine(/worker ready/)
  expect(await runIn(folder, join(MODULES, '.bin/tsx'), ['call.ts'])).toBe('5\n')
  const called = await runCli(
    ['call', '-A', 'app.ts', 'python.add', '--args', '[2, 3]', '--wait'],
    { cwd: folder, env: CLEAN },
  )
  expect(called.stdout).toContain('5')
  expect(await fromPython(servers, folder)).toBe(5)
  await ours.stop()
  await worker.stop('SIGKILL')

  writeFileSync(join(folder, 'app.ts'), 'mine')
  const again = await runCli(args.slice(0, -1), { cwd: folder, env })
  expect(again.stdout).toMatch(/app\.ts +is there already, left as it is/)
  expect(readFileSync(join(folder, 'app.ts'), 'utf8')).toBe('mine')
}, 120_000)

/** As the snippet for Python says. */
async function fromPython({ env }: Servers, folder: string): Promise<number> {
  const program = `
import json
from plain_app import app
from export_route import route_to_typescript
route_to_typescript(app)
print(json.dumps(app.send_task('export.add', (2, 3)).get(timeout=30)))
`
  return await runPythonJson(program, { env: { ...env, PYTHONPATH: `${PYTHON}:${folder}` } })
}
