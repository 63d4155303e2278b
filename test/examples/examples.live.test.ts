import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { freshServers, migratedDatabase, type Servers, startMonitor } from '../support/live-app.ts'
import { type Process, runCli, startCli, startProcess } from '../support/processes.ts'
import { hasService, PROJECT, service } from '../support/services.ts'
import { freshSqsPlace, resultBackend, sqsProcess } from '../support/sqs-app.ts'
import { waitFor } from '../support/wait-for.ts'

const EXAMPLES = join(PROJECT, 'examples')
/** Several processes one after another, each of which may have to wait for the cores. */
const SLOW = { timeout: 120_000 } as const

test('quick-start: calls succeed, fail and are refused as the producer says', async () => {
  const servers = await freshServers(['export'])
  await startWorker(servers, 'quick-start')
  expect(await produced(servers, 'quick-start')).toEqual([
    '2 + 3 = 5',
    'report: parcels.xls',
    expect.stringMatching(/^failed: TypeError: .*export.report/),
    expect.stringMatching(/^refused: task "billing.pay".*celery, export/),
  ])
})

test(
  'cpu-bound: primes are counted on a thread, and the worker answers meanwhile',
  SLOW,
  async () => {
    const servers = await freshServers(['math'])
    await startWorker(servers, 'cpu-bound')
    expect(await produced(servers, 'cpu-bound')).toEqual([
      'ping: pong',
      'primes below 20,000,000: 1270607',
    ])
  },
)

test('export-worker: a chord of three exports ends in one result, and takes over what was linked', async () => {
  const { ledger: _none, ...servers } = await freshServers(['export'])
  const database = await startMonitor(servers)
  await startWorker(servers, 'export-worker')
  const files = ['fields.xlsx', 'fields-shp.zip', 'fields-resources.zip']
  const links = files.map((file) => `https://files.example/allthings/fields/allthings-${file}`)
  expect(await produced(servers, 'export-worker', 'all')).toEqual([
    `result: ${JSON.stringify({ links })}`,
    'notified: 3 files are ready',
  ])
  const family = await waitFor('the family in the history', async () => {
    const rows = await database.query<{ name: string; is_result: boolean }>(`
      select name, is_result from monitor.task_history
      where name <> 'celery.chord_unlock' and status = 'SUCCESS' order by name`)
    return rows.length === 6 && rows
  })
  expect(family.map(({ name }) => name)).toEqual([
    'export.create_result',
    'export.notify',
    'export.project',
    'export.resources',
    'export.shp',
    'export.xls',
  ])
  expect(family.filter((row) => row.is_result)).toMatchObject([{ name: 'export.create_result' }])
})

test('mixed: Node and Python workers run side by side and call each other', async () => {
  const servers = await freshServers()
  const python = startPython(servers)
  await startWorker(servers, 'mixed', '-Q', 'export')
  await python
  expect(await produced(servers, 'mixed')).toEqual([
    'Node asks Python: 5',
    'Python asks Node: report of parcels',
    'Node in Node asks Python: 42',
    'one after the other: report of fields of 2026',
  ])
})

test(
  'flows: a step runs on a Python worker, and a flow that is refused has undone what it did',
  SLOW,
  async () => {
    const servers = await freshServers()
    await startPython(servers)
    expect(await printed(servers, 'flows/weigh.ts')).toEqual([
      '/archive/in/1 weighs 105',
      'the flow is SUCCESS',
      'removed the copy of /in/1',
      'refused: 105 is more than 50',
      'the flow is REVERTED',
    ])
    const file = await runCli(
      [
        '-A',
        join(EXAMPLES, 'flows/app.ts'),
        'flow',
        'run',
        join(EXAMPLES, 'flows/weigh.yaml'),
      ].concat('--values', '{"path": "/in/1"}'),
      { env: exampleEnv(servers) },
    )
    expect(JSON.parse(file.stdout)).toMatchObject({ location: '/archive/in/1', total: 105 })
  },
)

test('recipes: a pipeline of two services runs in one process, without a server', async () => {
  const program = startExample('recipes/pipeline.ts', {})
  expect(await program.exited).toEqual({ code: 0, signal: null })
  expect(program.stdout).toBe('run {"ID":"run-1"}: {"text":"hello, world","length":12}\n')
})

test('streams: frames of a detector become calls of a Python worker', SLOW, async () => {
  const servers = await freshServers()
  await startPython(servers)
  const env = { ...exampleEnv(servers), DETECTOR: `ipc:///tmp/detector-${randomUUID()}` }
  const peaks = startExample('streams/peaks.ts', env)
  await peaks.waitForLine(/ready for frames/)
  const detector = startExample('streams/detector.ts', env)
  expect(await detector.exited).toEqual({ code: 0, signal: null })
  expect(await peaks.exited).toEqual({ code: 0, signal: null })
  const lines = peaks.stdout.trimEnd().split('\n')
  expect(lines.slice(1)).toEqual([101, 202, 303, 404, 505].map((sum) => `Python says ${sum}`))
})

test.skipIf(!hasService('PYTHON_ARROYO'))(
  'streams: files of a folder start a recipe, whose step is in Python',
  SLOW,
  async () => {
    const [servers, folder] = [await freshServers(), await mkdtemp(join(tmpdir(), 'files-'))]
    onTestFinished(() => rm(folder, { recursive: true }))
    const env = exampleEnv(servers)
    const script = join(EXAMPLES, 'streams/weigh.py')
    const python = startProcess(service('PYTHON_ARROYO'), [script], { env })
    await python.waitForLine(/weigh: ready/)
    await writeFile(join(folder, 'before.h5'), 'four')
    const program = startExample('streams/files.ts', env, [folder])
    await python.waitForLine(/^before\.h5: 4 bytes$/m)
    await writeFile(join(folder, 'notes.txt'), '')
    await writeFile(join(folder, 'after.h5'), 'eleven more')
    await python.waitForLine(/^after\.h5: 11 bytes$/m)
    expect(await program.stop('SIGTERM')).toEqual({ code: 0, signal: null })
    expect(program.stdout).toContain('files: 2 recipes started')
  },
)

test(
  'sqs: Node and Python workers share queues of SQS, and answer remote control',
  SLOW,
  async () => {
    const place = await freshSqsPlace()
    await migratedDatabase(place.databaseUrl)
    const { env: ours } = sqsProcess(place)
    const env = {
      ...ours,
      SQS_URL: place.space.url,
      RESULT_BACKEND: resultBackend(place.databaseUrl),
      C_FORCE_ROOT: '1',
    }
    const cwd = join(EXAMPLES, 'sqs')
    const app = ['-m', 'celery', '-A', 'worker', 'worker', '-P', 'solo', '-Q', 'python,celery']
    const python = startProcess(service('PYTHON_CELERY'), [...app, '-l', 'INFO'], { cwd, env })
    const worker = startCli(['worker', '-A', join(cwd, 'app.ts'), '-Q', 'export'], { env })
    await Promise.all([python.waitForLine(/ ready\.$/m), worker.waitForLine(/worker ready/)])
    const producer = startExample('sqs/producer.ts', env)
    expect(await producer.exited).toEqual({ code: 0, signal: null })
    expect(producer.stdout.trimEnd().split('\n')).toEqual([
      'Node runs: tenant-7/a.png tenant-7/b.png tenant-7/c.png',
      'Python runs: 5',
      'one after the other: field-1/big.png',
      'two seconds later: tenant-8/d.png',
      "there: { ok: 'pong' }",
    ])
    const caller = startProcess(service('PYTHON_CELERY'), ['worker.py'], { cwd, env })
    expect(await caller.exited).toEqual({ code: 0, signal: null })
    expect(caller.stdout.trim()).toMatch(/^[\da-f-]{36}$/)
  },
)

test('monitor-queries.sql: the record answers every question', async () => {
  const servers = await freshServers(['export'])
  const database = await migratedDatabase(servers.databaseUrl)
  const text = readFileSync(join(EXAMPLES, 'monitor-queries.sql'), 'utf8')
  const queries = text.replace(/^--.*$/gm, '').split(/;\s*$/m)
  const asked = queries.map((query) => query.trim()).filter((query) => query !== '')
  expect(asked.length).toBeGreaterThan(10)
  await database.query(`
    insert into monitor.task (task_id, name, state, args, kwargs, root_id, parent_id, queue, is_result, published_at)
    values
      ('a', 'export.project', 'SUCCESS', '["allthings", "fields"]', '{"org": "allthings"}', 'a', null, 'export', false, now() - interval '2 s'),
      ('b', 'export.xls', 'STARTED', '["fields"]', '{}', 'a', 'a', null, true, now() - interval '11 minutes')`)
  // Of a long history nothing is listed as a whole.
  await database.query(`
    insert into monitor.task (task_id, name, state, args, kwargs, root_id, is_result, options, published_at)
    select 'old ' || i, 'export.task_' || i, (array['PENDING', 'SUCCESS', 'FAILURE'])[1 + i % 3], '["fields"]', '{"org": "allthings"}',
      'old ' || i, true, '{"unrouted": true}', now() - interval '40 days' from generate_series(1, 300) i`)
  const answers = []
  for (const query of asked) answers.push(await database.query<Record<string, unknown>>(query))
  expect(answers.flat()).toContainEqual({ status: 'SUCCESS', count: expect.anything() })
  expect(Math.max(...answers.map(({ length }) => length))).toBe(20)
  expect(answers.flat()).toContainEqual({ task: '  export.xls', status: 'STARTED', result: null })
})

async function startWorker(servers: Servers, example: string, ...args: string[]): Promise<Process> {
  const worker = startCli(['worker', '-A', join(EXAMPLES, example, 'app.ts'), ...args], {
    env: exampleEnv(servers),
  })
  await worker.waitForLine(/worker ready/)
  return worker
}

/** The worker of examples/python, once it is ready. */
async function startPython(servers: Servers): Promise<void> {
  const python = startProcess(
    service('PYTHON_CELERY'),
    ['-m', 'celery', '-A', 'app', 'worker', '-P', 'solo', '-Q', 'python,celery', '-l', 'INFO'],
    { cwd: join(EXAMPLES, 'python'), env: { ...exampleEnv(servers), C_FORCE_ROOT: '1' } },
  )
  await python.waitForLine(/ ready\.$/m)
}

/** The lines that the producer of an example prints, once it has ended well. */
async function produced(servers: Servers, example: string, ...args: string[]): Promise<string[]> {
  return await printed(servers, join(example, 'producer.ts'), ...args)
}

async function printed(servers: Servers, file: string, ...args: string[]): Promise<string[]> {
  const program = startExample(file, exampleEnv(servers), args)
  expect(await program.exited).toEqual({ code: 0, signal: null })
  return program.stdout.trimEnd().split('\n')
}

function startExample(
  file: string,
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Process {
  const path = join(EXAMPLES, file)
  return startProcess(process.execPath, ['--import', 'tsx', path, ...args], { env })
}

function exampleEnv({ vhost, env }: Servers): Record<string, string> {
  return { AMQP_URL: vhost.url, RESULT_BACKEND: env.CELERY_RESULT_BACKEND ?? '' }
}
