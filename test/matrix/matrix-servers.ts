import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import { expect } from 'vitest'
import { PROJECT, service } from '../support/services.ts'
import type { RunningSqs } from '../support/sqs-servers.ts'
import { createTestDatabase, dropTestDatabase } from '../support/test-databases.ts'
import { waitFor } from '../support/wait-for.ts'
import type { Backend, Site } from './features.ts'
import { type MatrixCarrier, onRabbitMq, onSqs } from './matrix-carriers.ts'

const PYTHON_FOLDER = join(PROJECT, 'test/support/python')

/** Where all cells of one Python and one backend run. Not of one test's own, so that they share their workers. */
export interface MatrixServers {
  readonly carrier: MatrixCarrier
  readonly resultBackend: string
  /** For files through which tasks and tests talk. */
  readonly folder: string
  startPython(args: readonly string[]): PythonProcess
  expectTimeToLive(taskId: string): Promise<void>
  expectExpiringQueue(queue: string): Promise<void>
  makeOld(taskId: string): Promise<void>
  close(): Promise<void>
}

export interface PythonProcess {
  readonly stdin: NonNullable<ChildProcess['stdin']>
  /** What it has written so far. */
  output(): string
  onLine(listener: (line: string) => void): void
  stop(): Promise<void>
}

export async function openMatrixServers(
  { python, carrier, backend }: Site,
  startSqs?: () => Promise<RunningSqs>,
): Promise<MatrixServers> {
  const carried = startSqs === undefined ? await onRabbitMq() : await onSqs(carrier, startSqs)
  const database = await createTestDatabase()
  const databaseUrl = new URL(service('DATABASE_URL'))
  databaseUrl.pathname = `/${database}`
  const folder = await mkdtemp(join(tmpdir(), 'celery-toolbox-matrix-'))
  const resultBackend = backendUrl(backend, databaseUrl.href)
  const env = {
    ...carried.env,
    RESULT_BACKEND: resultBackend,
    DATABASE_URL: databaseUrl.href,
    QUEUES: carried.queues.join(','),
    MATRIX_FOLDER: folder,
    MATRIX_BACKEND: backend,
    MATRIX_PYTHON: python,
    PYTHONPATH: join(import.meta.dirname, 'python'),
    PYTHONUNBUFFERED: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    C_FORCE_ROOT: '1',
  }
  return {
    carrier: carried,
    resultBackend,
    folder,
    startPython: (args) => startPython(carried.pythonOf(python), args, env),
    expectTimeToLive,
    expectExpiringQueue: carried.expectExpiringQueue,
    makeOld: async (taskId) => makeOld(databaseUrl.href, taskId),
    close: async () => {
      await carried.close()
      await dropTestDatabase(database)
      await rm(folder, { recursive: true })
    },
  }
}

function backendUrl(backend: Backend, databaseUrl: string): string {
  if (backend === 'rpc') return 'rpc://'
  if (backend === 'redis') return service('REDIS_URL')
  return databaseUrl.replace(/^postgres(?:ql)?:/, 'db+postgresql+psycopg2:')
}

function startPython(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): PythonProcess {
  // In a group of its own, so that its pool's processes end with it.
  const child = spawn(program, args, {
    cwd: PYTHON_FOLDER,
    env: { ...process.env, ...env },
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => {
      output += data.toString()
    })
  }
  const lines = createInterface({ input: child.stdout })
  const exited = once(child, 'close')
  return {
    stdin: child.stdin,
    output: () => output,
    onLine: (listener) => lines.on('line', listener),
    stop: async () => {
      child.kill('SIGTERM')
      const insist = setTimeout(() => killGroup(child), 5_000)
      await exited
      clearTimeout(insist)
      killGroup(child)
    },
  }
}

export async function saidBy(started: PythonProcess, pattern: RegExp): Promise<void> {
  await waitFor(`${pattern}`, () => pattern.test(started.output()), { deadlineMs: 40_000 }).catch(
    (cause: unknown) => {
      throw new Error(`Python did not say ${pattern}:\n${started.output()}`, { cause })
    },
  )
}

async function expectTimeToLive(taskId: string): Promise<void> {
  const redis = new Redis(service('REDIS_URL'))
  const seconds = await redis.ttl(`celery-task-meta-${taskId}`)
  await redis.quit()
  expect(seconds).toBeGreaterThan(500)
  expect(seconds).toBeLessThanOrEqual(600)
}

async function makeOld(databaseUrl: string, taskId: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query(
    `update celery_taskmeta set date_done = date_done - interval '601 seconds' where task_id = $1`,
    [taskId],
  )
  await client.end()
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left in it.
  }
}
