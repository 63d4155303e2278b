import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshFolder } from '../cli/fresh-folder.ts'
import { freshServers, migratedDatabase } from '../support/live-app.ts'
import { type Process, startProcess } from '../support/processes.ts'
import { startPythonWorker } from '../support/python-celery.ts'
import { PROJECT, service } from '../support/services.ts'
import { waitFor } from '../support/wait-for.ts'
import { MODULES, runIn, write } from './project.ts'

const PYTHON = join(PROJECT, 'test/interop/python')
const page = readFileSync(join(PROJECT, 'docs/beside-celery.md'), 'utf8')

const store = mkdtempSync(join(tmpdir(), 'first-hour-'))
afterAll(() => rmSync(store, { recursive: true }))
beforeAll(async () => {
  await runIn(PROJECT, 'npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', store])
}, 120_000)

/** `npm run test:first-hour` tries both. */
const KINDS = process.env.FIRST_HOUR === 'both' ? ['module', 'commonjs'] : ['commonjs']

test.each(KINDS)(
  'the seven steps of the page join a plain Celery from an empty folder of type %s',
  async (type) => {
    const { env, databaseUrl } = await freshServers([])
    const plain = { ...env, PYTHONPATH: PYTHON }
    await startPythonWorker({ app: 'plain_app', queues: ['celery'], env: plain })
    const folder = freshFolder()
    write(folder, 'package.json', JSON.stringify({ type }))
    const python = service('PYTHON_CELERY')
    const steps = stepsOfPage().map((step) =>
      step
        .replace('.venv/bin/python', python)
        .replace(/^python\b/, python)
        .replaceAll(/\bshop\b/g, 'plain_app')
        .replace('postgres://localhost/history', databaseUrl),
    )
    expect(steps).toHaveLength(7)
    const [, init = '', , monitor = '', worker = '', call = '', fromPython = ''] = steps

    await install(folder)
    const here = shellIn(folder, { ...plain, PYTHONPATH: `${PYTHON}:${folder}` })
    await ended(here(init))
    // From here on .env says where everything is.
    const later = shellIn(folder, {
      CELERY_BROKER_URL: undefined,
      CELERY_RESULT_BACKEND: undefined,
    })
    await later(monitor).waitForLine(/monitor: platform\.fifo on .* is recorded in/)
    await later(worker).waitForLine(/worker ready/)
    expect(await ended(later(call))).toMatch(/^5$/m)
    expect(await ended(here(fromPython))).toBe('5\n')
    const database = await migratedDatabase(databaseUrl)
    const rows = await waitFor('both calls in the record', async () => {
      const found = await database.query(
        "select status, result from monitor.task_history where name = 'export.add' and status = 'SUCCESS'",
      )
      return found.length === 2 && found
    })
    expect(rows).toEqual([
      { status: 'SUCCESS', result: 5 },
      { status: 'SUCCESS', result: 5 },
    ])
  },
  300_000,
)

/** The commands of its first block. */
function stepsOfPage(): readonly string[] {
  const [, block = ''] = /## In seven steps[\s\S]*?```sh\n([\s\S]*?)```/.exec(page) ?? []
  return block.trim().split('\n')
}

/** What the package.json that init writes asks for besides. */
const INIT_ADDS = ['@types/node', 'tsx', 'typescript']

/** What npm installs with the package: no optional peer, such as TypeORM. */
function dependencies(): readonly string[] {
  const { packages } = JSON.parse(readFileSync(join(PROJECT, 'package-lock.json'), 'utf8'))
  return Object.entries<Readonly<Record<string, unknown>>>(packages).flatMap(([path, kind]) => {
    const [, name] = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path) ?? []
    const isInstalled = !['dev', 'devOptional', 'optional', 'peer'].some((mark) => kind[mark])
    return name !== undefined && isInstalled ? [name] : []
  })
}

/** What `npm install` leaves: the packed package, and what it depends on as it is here. */
async function install(folder: string): Promise<void> {
  const modules = join(folder, 'node_modules')
  const target = join(modules, 'celery-toolbox')
  mkdirSync(join(modules, '.bin'), { recursive: true })
  mkdirSync(target)
  const [tarball = ''] = readdirSync(store).filter((name) => name.endsWith('.tgz'))
  const into = ['-C', target, '--strip-components=1']
  await runIn(folder, 'tar', ['-xzf', join(store, tarball), ...into])
  for (const name of [...dependencies(), ...INIT_ADDS]) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(MODULES, name), join(modules, name))
  }
  symlinkSync(join(target, 'dist/src/cli/main.js'), join(modules, '.bin/celery-toolbox'))
  symlinkSync(join(MODULES, 'tsx/dist/cli.mjs'), join(modules, '.bin/tsx'))
}

/** Types a line into a shell of that folder. */
function shellIn(folder: string, env: Readonly<Record<string, string | undefined>>) {
  const path = `${dirname(process.execPath)}:${process.env.PATH}`
  return (line: string): Process =>
    startProcess('sh', ['-c', line], {
      cwd: folder,
      env: { ...env, PATH: path, npm_config_offline: 'true' },
    })
}

async function ended(process: Process): Promise<string> {
  const { code } = await process.exited
  if (code !== 0) throw new Error(process.output)
  return process.stdout
}
