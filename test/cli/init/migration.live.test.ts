import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeProject, write } from '../../projects/project.ts'
import { freshServers, migratedDatabase, type Servers } from '../../support/live-app.ts'
import { type Process, runCli, startCli } from '../../support/processes.ts'
import { runPython, startPythonWorker } from '../../support/python-celery.ts'
import { service } from '../../support/services.ts'
import { waitFor } from '../../support/wait-for.ts'

const SHOP = `import os
from celery import Celery

app = Celery('shop', broker=os.environ['AMQP_URL'], backend=os.environ['CELERY_RESULT_BACKEND'])

@app.task(name='python.add')
def add(x, y):
    return x + y
`
const ROUTE = 'from export_route import route_to_typescript\nroute_to_typescript(app)\n'
const CLEAN = { CELERY_BROKER_URL: undefined, CELERY_RESULT_BACKEND: undefined }

/** `npm run test:first-hour` goes back as well. */
const GOES_BACK = process.env.FIRST_HOUR === 'both'

test('the steps that init writes lead a plain Celery to the mirrored topology, calls working at each', async () => {
  const shop = await plainShop()
  const steps = stepsIn(readFileSync(join(shop.folder, 'mirrored-topology.md'), 'utf8'))
  expect(steps).toHaveLength(5)
  const [bindings = '', monitor = '', typescript = '', python = '', look = ''] = steps
  await shop.python(SHOP + ROUTE)
  await shop.typescript()
  await shop.callsBothWays()

  await shop.python(SHOP + ROUTE + codeIn(bindings))
  await shop.callsBothWays()

  const [, command = ''] = /`npx celery-toolbox ([^`]*)`/.exec(monitor) ?? []
  await shop.monitor(command)
  await shop.callsBothWays()

  const before = readFileSync(join(shop.folder, 'app.ts'), 'utf8')
  write(shop.folder, 'app.ts', mirrored(before, typescript))
  await shop.typescript()
  await shop.callsBothWays()

  const all = SHOP + ROUTE + codeIn(bindings) + codeIn(python)
  await shop.python(all)
  await shop.callsBothWays()

  const [, doctor = ''] = /`npx celery-toolbox (doctor[^`]*)`/.exec(look) ?? []
  const found = await runCli([...doctor.split(' '), '--json'], { cwd: shop.folder, env: CLEAN })
  expect(JSON.parse(found.stdout)).toMatchObject({ ok: true })
  expect(found.stdout).toMatch(/"binding task_exchange → celery"/)
  expect(await shop.recordedOnExchange(look)).toEqual(['export.add', 'python.add'])
  if (!GOES_BACK) return

  await shop.python(SHOP + ROUTE + codeIn(bindings))
  await shop.callsBothWays()
  write(shop.folder, 'app.ts', before)
  await shop.typescript()
  await shop.callsBothWays()
  await shop.python(SHOP + ROUTE)
  await shop.callsBothWays()
}, 480_000)

/** A plain Celery app, and the app that init made beside it. Workers are started anew as the steps say. */
async function plainShop() {
  const servers = await freshServers([])
  const folder = makeProject('module')
  const env = { ...servers.env, PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: '1' }
  write(folder, 'shop.py', SHOP)
  const args = ['init', '--python', service('PYTHON_CELERY'), '-A', 'shop', '--force']
  expect(await runCli(args, { cwd: folder, env })).toMatchObject({ code: 0, stderr: '' })
  const running: { python?: Process; typescript?: Process } = {}
  return {
    folder,
    python: async (text: string) => {
      write(folder, 'shop.py', text)
      await running.python?.stop()
      running.python = await startPythonWorker({ app: 'shop', queues: ['celery'], env })
    },
    typescript: async () => {
      await running.typescript?.stop()
      const worker = startCli(['worker', '-A', 'app.ts', '-Q', 'export'], {
        cwd: folder,
        env: CLEAN,
      })
      await worker.waitForLine(/worker ready/)
      running.typescript = worker
    },
    monitor: async (command: string) => {
      const words = command.replace(/postgres:\S+/, servers.databaseUrl).split(' ')
      const monitor = startCli(words, { cwd: folder, env: CLEAN })
      await monitor.waitForLine(/is recorded in/)
    },
    callsBothWays: async () => {
      const call = ['call', '-A', 'app.ts', 'python.add', '--args', '[2, 3]', '--wait']
      const [ours, theirs] = await Promise.all([
        runCli(call, { cwd: folder, env: CLEAN }),
        runPython(
          "from shop import app; print(app.send_task('export.add', (4, 5)).get(timeout=30))",
          { env },
        ),
      ])
      expect(ours).toMatchObject({ code: 0, stdout: expect.stringContaining('5') })
      expect(theirs).toBe('9\n')
    },
    recordedOnExchange: async (step: string) => await recordedOnExchange(servers, step),
  }
}

/** The tasks whose rows say so, in the table that the step names. */
async function recordedOnExchange(
  { databaseUrl }: Servers,
  step: string,
): Promise<readonly string[]> {
  const [, table = ''] = /rows of `([\w.]+)`/.exec(step) ?? []
  const database = await migratedDatabase(databaseUrl)
  return await waitFor('tasks of both in the record', async () => {
    const rows = await database.query<{ name: string }>(
      `select distinct task.name from ${table} join monitor.task using (task_id)
       where exchange = 'task_exchange' order by task.name`,
    )
    return rows.length === 2 && rows.map(({ name }) => name)
  })
}

/** The texts of the numbered steps. */
function stepsIn(page: string): readonly string[] {
  return page.split(/^\d+\. /m).slice(1)
}

function codeIn(step: string): string {
  const [, code = ''] = /```\w+\n([\s\S]*?)```/.exec(step) ?? []
  return code.replaceAll(/^ {3}/gm, '')
}

/** The app as the step says: two settings out, all queues and the routes in. */
function mirrored(app: string, step: string): string {
  const [, queues = ''] = /`(queues: [^`]*)`/.exec(step) ?? []
  return app
    .replace(/^ *TOPOLOGY: .*\n/m, '')
    .replace(/^ *MIRROR: .*\n/m, '')
    .replace(/^ *queues: .*\n/m, `  ${queues},\n${codeIn(step)}`)
}
