import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { rabbitmqctl } from '../support/rabbitmqctl.ts'
import { PROJECT, service } from '../support/services.ts'
import { createTestDatabase, databaseUrl, dropTestDatabase } from '../support/test-databases.ts'
import type { SuiteEnvironment } from './environment.ts'

export const BACKENDS = ['redis', 'postgresql', 'rpc'] as const
export type Backend = (typeof BACKENDS)[number]

export interface SuiteOutcome {
  readonly outcome: 'passed' | 'failed' | 'skipped'
  /** The end of the failure's text. */
  readonly reason: string
}

/** Of each test, by its id in pytest. */
export type SuiteOutcomes = ReadonlyMap<string, SuiteOutcome>

export interface SuiteRun {
  readonly worker: 'python' | 'toolbox'
  readonly backend: Backend
  /** pytest's ids of the tests to run; default all but those in LEFT_OUT. */
  readonly tests?: readonly string[]
  /** pytest's -k. */
  readonly matching?: string
  /** Shows pytest's own lines. */
  readonly isShown?: boolean
}

/** Tests that start no worker of the suite: of Azure's backend, and of memory that Python's own worker or client loses. */
export const LEFT_OUT = [
  'test_backend.py',
  'test_backend_leak_in_fixture_teardown.py',
  'test_events_state_memory_leak.py',
  'test_mem_leak_in_exception_handling.py',
]

const PLUGIN_FOLDER = join(import.meta.dirname, 'python')
const TOOLBOX_WORKER = [
  process.execPath,
  join(PROJECT, 'dist/src/cli/main.js'),
  'worker',
  '-A',
  join(import.meta.dirname, 'app.ts'),
  '-l',
  'error',
]

/** Runs Celery's integration suite on a virtual host and a database of its own. */
export async function runSuite(suite: SuiteEnvironment, run: SuiteRun): Promise<SuiteOutcomes> {
  const place = await openPlace(run.backend)
  const folder = mkdtempSync(join(tmpdir(), 'celery-suite-'))
  const report = join(folder, 'report.jsonl')
  try {
    await runPytest(suite, run, { ...place.env, SUITE_REPORT: report })
    return readReport(report)
  } finally {
    rmSync(folder, { recursive: true, force: true })
    await place.remove()
  }
}

async function runPytest(
  { python, source }: SuiteEnvironment,
  { worker, tests, matching, isShown = false }: SuiteRun,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const plugins = ['celery.contrib.pytest', 'toolbox_worker']
  const left = LEFT_OUT.map((file) => `--ignore=t/integration/${file}`)
  const args = [
    ...['-m', 'pytest', '-q', '--no-header', '--tb=short', '--maxfail=1000', '-c', '/dev/null'],
    ...['--rootdir', '.', '-o', 'python_classes=test_*', '-o', 'xfail_strict=true'],
    ...plugins.flatMap((name) => ['-p', name]),
    ...['-p', 'no:cacheprovider'],
    ...(matching === undefined ? [] : ['-k', matching]),
    ...(tests ?? ['t/integration', ...left]),
  ]
  const child = spawn(python, args, {
    cwd: source,
    stdio: ['ignore', isShown ? 'inherit' : 'ignore', isShown ? 'inherit' : 'ignore'],
    env: {
      ...process.env,
      ...env,
      ...(worker === 'toolbox' ? { SUITE_WORKER: JSON.stringify(TOOLBOX_WORKER) } : {}),
      PATH: `${dirname(python)}:${process.env.PATH}`, // tests start `celery`
      PYTHONPATH: PLUGIN_FOLDER,
      PYTHONDONTWRITEBYTECODE: '1',
      C_FORCE_ROOT: '1',
    },
  })
  const watch = endWhenSilent(child, env.SUITE_REPORT)
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null] // as Node says
  clearInterval(watch)
  if (code === null || !COUNTED.includes(code)) {
    throw new Error(
      `pytest ended with ${code ?? signal}, so that not all tests were run: nothing is counted; --verbose shows why`,
    )
  }
}

/** pytest's own timeout does not end a fixture that waits for ever: no test takes as long, with all its tries. */
const SILENT_MS = 15 * 60_000

function endWhenSilent(child: ChildProcess, report = ''): NodeJS.Timeout {
  const startedAt = Date.now()
  const lastAt = (): number => (existsSync(report) ? statSync(report).mtimeMs : startedAt)
  return setInterval(() => {
    if (Date.now() - lastAt() < SILENT_MS) return
    console.error(`› No test has ended for ${SILENT_MS / 60_000} minutes: pytest is ended`)
    child.kill('SIGKILL')
  }, 10_000)
}

/** All passed, some failed, none was chosen. */
const COUNTED = [0, 1, 5]

function readReport(file: string): SuiteOutcomes {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : []
  const outcomes = lines.filter(Boolean).map((line): [string, SuiteOutcome] => {
    const { test, outcome, reason } = JSON.parse(line) as SuiteOutcome & { readonly test: string }
    return [test.replace('t/integration/', ''), { outcome, reason }]
  })
  return new Map(outcomes)
}

interface Place {
  readonly env: Readonly<Record<string, string>>
  remove(): Promise<void>
}

async function openPlace(backend: Backend): Promise<Place> {
  const vhost = `suite-${randomUUID()}`
  const broker = new URL(service('AMQP_URL'))
  await rabbitmqctl('add_vhost', vhost)
  const user = decodeURIComponent(broker.username) || 'guest'
  await rabbitmqctl('set_permissions', '-p', vhost, user, '.*', '.*', '.*')
  broker.pathname = `/${vhost}`
  const redis = new URL(service('REDIS_URL'))
  const database = backend === 'postgresql' ? await createTestDatabase() : undefined
  return {
    env: {
      TEST_BROKER: broker.href,
      TEST_BACKEND: backendUrl(backend, database),
      REDIS_HOST: redis.hostname,
      REDIS_PORT: redis.port || '6379',
    },
    remove: async () => {
      await rabbitmqctl('delete_vhost', vhost)
      if (database !== undefined) await dropTestDatabase(database)
    },
  }
}

function backendUrl(backend: Backend, database: string | undefined): string {
  if (backend === 'rpc') return 'rpc://'
  if (database === undefined) return service('REDIS_URL')
  return databaseUrl(database).replace(/^postgres(?:ql)?:/, 'db+postgresql+psycopg2:')
}
