import { randomUUID } from 'node:crypto'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MODULES, makeProject, write } from '../../projects/project.ts'
import { freshServers, startMonitor } from '../../support/live-app.ts'
import { type Process, runCli, startCli, startProcess } from '../../support/processes.ts'
import { PROJECT, service } from '../../support/services.ts'
import { waitFor } from '../../support/wait-for.ts'
import { zocalo } from '../../support/zocalo.ts'
import { type Documented, documentedCommands, LASTING, NOT_RUN } from './documented.ts'

/** Of tasks that failed: the one that the pages name, and one for "ID". */
const FAILED = '5b0b1d51-2b7f-4a0c-a7c5-2f6d3f0c8f4e'
const OTHER = 'a6cf9d10-87b0-4ee4-9c57-cf0d9b8c8f02'
const APP = `import { Config, createApp } from 'celery-toolbox'

export const app = createApp(new Config({ queues: ['export'], ETA_VAULT: true }))

export const pdf = app.task('export.pdf', async (slug) => {
  if (slug === 'endless') throw new Error('Timeout of the printer')
  return slug + '.pdf'
})
`
const RECIPE = {
  start: [[1, { image: '{image}' }]],
  1: { service: 'find spots', queue: 'spots', output: 2 },
  2: { service: 'store', queue: 'store' },
}

/** `npm run test:commands` runs all, `npm test` the first of these pages. */
const RUNS_ALL = process.env.COMMANDS === 'all'
const SHORT = [
  'README.md',
  'docs/contract.md',
  'docs/recipes.md',
  'docs/remote-control.md',
  'docs/replay.md',
]

const MONITOR_PAGE = 'docs/monitor.md'
const documented = documentedCommands()
const reasonFor = ({ command }: Documented): string | undefined =>
  NOT_RUN.find(([pattern]) => pattern.test(command))?.[1]

test('each reason not to run a documented command is still that of a command', () => {
  expect(documented.length).toBeGreaterThan(60)
  const used = documented.map(({ command }) => NOT_RUN.find(([each]) => each.test(command)))
  expect(NOT_RUN.filter((each) => !used.includes(each))).toEqual([])
})

test('the documented commands work in a project as the pages describe it', async () => {
  const running = documented
    .filter((each) => reasonFor(each) === undefined)
    .toSorted((one, other) => placeOf(one) - placeOf(other))
  const chosen = RUNS_ALL
    ? running
    : SHORT.flatMap((page) => running.find((each) => each.page === page) ?? [])
  const world = await startWorld()
  const failures: string[] = []
  for (const each of chosen) {
    const problem = await world.tryOut(each)
    if (problem !== undefined)
      failures.push(`${each.page}:${each.line} ${each.command}\n${problem}`)
  }
  expect(failures).toEqual([])
}, 900_000)

/**
 * In the order of the pages; of a page, what changes nothing comes first. The monitor's page replays a task of its own, last:
 * docs/replay.md replays all that have failed.
 */
function placeOf({ page, command }: Documented): number {
  const first = page === MONITOR_PAGE ? 1_000 : documented.findIndex((each) => each.page === page)
  return first * 2 + (command.includes('--dry-run') ? 0 : 1)
}

/** A project with an app, a worker, a monitor, a failed task and one that waits. */
async function startWorld() {
  const site = await zocalo()
  const { ledger: _none, ...servers } = await freshServers(['export'])
  await startMonitor(servers)
  const folder = makeProject('module')
  writeProject(folder)
  const env = {
    ...servers.env,
    CELERY_QUEUES: undefined,
    PATH: `${join(folder, 'node_modules/.bin')}:${join(MODULES, '.bin')}:${process.env.PATH}`,
    ZOCALO_CONFIG: join(site.folder, 'site.yml'),
    PYTHONPATH: folder,
  }
  const cli = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runCli(args, { cwd: folder, env })
    if (code !== 0) throw new Error(`${args.join(' ')}:\n${stderr}`)
    return stdout
  }
  let worker: Process | undefined
  const workerIsThere = async (): Promise<void> => {
    if (worker !== undefined) return
    worker = startCli(['worker', '-A', 'app.ts', '-n', 'w1@host', '-E'], { cwd: folder, env })
    await worker.waitForLine(/worker ready/)
    void worker.exited.then(() => {
      worker = undefined
    })
  }
  await workerIsThere()
  const call = ['call', '-A', 'app.ts', 'export.pdf', '--args']
  for (const id of [FAILED, OTHER]) await cli(...call, '["endless"]', '--task-id', id)
  const isRecorded = async (id: string): Promise<boolean> => {
    const failed = await cli('tasks', 'list', '--state', 'FAILURE', '--json')
    return JSON.parse(failed).some(({ taskId }: { taskId: string }) => taskId === id)
  }
  for (const id of [FAILED, OTHER]) await waitFor('a failure', async () => isRecorded(id))
  let ofMonitorPage: string | undefined
  const idFor = async (page: string): Promise<string> => {
    if (page === 'docs/delays.md') return waiting ?? ''
    if (page !== MONITOR_PAGE) return OTHER
    if (ofMonitorPage === undefined) {
      await workerIsThere()
      ofMonitorPage = randomUUID()
      await cli(...call, '["endless"]', '--task-id', ofMonitorPage)
      await waitFor('its failure', async () => isRecorded(ofMonitorPage ?? ''))
    }
    return ofMonitorPage
  }
  const waiting = (await cli(...call, '["later"]', '--countdown', '86400'))
    .trim()
    .split(/\s+/)
    .at(-1)

  return {
    /** What is wrong with it, as far as can be seen. */
    tryOut: async ({ page, command }: Documented): Promise<string | undefined> => {
      if (command.startsWith('rabbitmqctl ')) {
        await servers.vhost.rabbitmqctl(...command.split(' ').slice(1))
        return undefined
      }
      if (/inspect|control|status|events|replay/.test(command)) await workerIsThere()
      const line = command
        .replace(/^npx /, '')
        .replace('.venv/bin/python', service('PYTHON_CELERY'))
        .replace('amqp://guest@localhost', servers.vhost.url)
        .replace(/ ID\b/, / ID\b/.test(command) ? ` ${await idFor(page)}` : '')
        .replace('--role analyst', '--role pg_read_all_data')
        .replace(/\b91(0\d)\b/, '391$1')
      const run = startProcess('bash', ['-o', 'pipefail', '-c', line], {
        cwd: folder,
        env,
        isShared: true,
      })
      const [, works] = LASTING.find(([pattern]) => pattern.test(`${command} `)) ?? []
      if (works === undefined) return problemOf(run, await run.exited)
      try {
        await run.waitForLine(works)
        return problemOf(run, await stopped(run))
      } catch (error) {
        signalGroup(run, 'SIGKILL')
        return String(error)
      }
    },
  }
}

async function stopped(run: Process) {
  signalGroup(run, 'SIGTERM')
  return await run.exited
}

/** The shell and what it runs. */
function signalGroup({ pid }: Process, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // They have ended by themselves, and their output says why.
  }
}

function problemOf(run: Process, { code, signal }: { code: number | null; signal: string | null }) {
  // A shell that is stopped together with what it runs ends by that signal.
  return code === 0 || signal === 'SIGTERM' ? undefined : `exit code ${code}:\n${run.output}`
}

function writeProject(folder: string): void {
  write(folder, 'app.ts', APP)
  write(folder, 'dist/app.js', APP)
  write(folder, 'recipe.json', JSON.stringify(RECIPE))
  write(folder, 'recipes/spots.json', JSON.stringify(RECIPE))
  write(folder, 'shop/__init__.py', '')
  write(folder, 'shop/celery.py', PYTHON_APP)
  mkdirSync(join(folder, 'src'))
  mkdirSync(join(folder, 'node_modules/.bin'))
  const program = join(PROJECT, 'dist/src/cli/main.js')
  symlinkSync(program, join(folder, 'node_modules/.bin/celery-toolbox'))
  symlinkSync(join(MODULES, 'typescript'), join(folder, 'node_modules/typescript'))
}

const PYTHON_APP = `from celery import Celery

app = Celery('shop')


@app.task(name='shop.add')
def add(x: int, y: int) -> int:
    return x + y
`
