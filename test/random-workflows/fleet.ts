import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'
import { type CeleryApp, Config, createApp } from '../../src/index.ts'
import { rabbitmqctl } from '../support/rabbitmqctl.ts'
import { PROJECT, service } from '../support/services.ts'
import { createTestDatabase, databaseUrl, dropTestDatabase } from '../support/test-databases.ts'
import { build, type Call } from './build.ts'
import { addTasks } from './node-tasks.ts'
import type { Shape } from './shape.ts'

export const BACKENDS = ['redis', 'postgresql'] as const
export type Backend = (typeof BACKENDS)[number]

/** How a workflow ended for its caller. */
export type End =
  | { readonly value: unknown }
  | { readonly error: readonly [name: string, text: string] }
  | { readonly unfinished: true }

export interface Fleet {
  readonly redis: Redis
  /** For reading results, and for calling from this side. */
  readonly app: CeleryApp
  /** Messages that no worker has taken yet. */
  waiting(): Promise<number>
  /** Starts a workflow and waits for its end. */
  callFromPython(shape: Shape, call: Call, seconds: number): Promise<End>
  callFromNode(shape: Shape, call: Call, seconds: number): Promise<End>
  close(): Promise<void>
}

const HERE = import.meta.dirname

/**
 * A virtual host and a result backend with a Python worker, and, unless it is Python's alone, with one of ours, which
 * shares the queue `celery` with it.
 */
export async function openFleet(
  backend: Backend,
  {
    isPythonAlone,
    isOneByOne = false,
  }: { readonly isPythonAlone: boolean; readonly isOneByOne?: boolean },
): Promise<Fleet> {
  const vhost = `test-${randomUUID()}`
  const broker = new URL(service('AMQP_URL'))
  const user = decodeURIComponent(broker.username) || 'guest'
  await rabbitmqctl('add_vhost', vhost)
  await rabbitmqctl('set_permissions', '-p', vhost, user, '.*', '.*', '.*')
  broker.pathname = `/${vhost}`
  const database = backend === 'postgresql' ? await createTestDatabase() : undefined
  const resultBackend =
    database === undefined
      ? service('REDIS_URL')
      : databaseUrl(database).replace(/^postgres(?:ql)?:/, 'db+postgresql+psycopg2:')
  const redis = new Redis(service('REDIS_URL'))
  // With late acknowledgement the next message comes when the outcome of the one before it is stored.
  const app = nodeApp(broker.href, resultBackend, { task_acks_late: isOneByOne })
  addTasks(app, redis)
  await app.setUp()
  const worker = app.worker({
    queues: ['export', 'celery'],
    concurrency: isOneByOne ? 1 : 20,
    ...(isOneByOne ? { prefetchMultiplier: 1 } : {}),
  })
  const python = await startPython({
    AMQP_URL: broker.href,
    RESULT_BACKEND: resultBackend,
    REDIS_URL: service('REDIS_URL'),
    CONCURRENCY: isOneByOne ? '1' : '8',
    // What Celery's own tasks publish is then of one language.
    WORKER_QUEUES: isOneByOne && !isPythonAlone ? 'python' : 'python,celery',
  })
  if (!isPythonAlone) await worker.start()
  return {
    redis,
    app,
    waiting: async () => {
      const queues = ['export', 'python', 'celery']
      const depths = await Promise.all(queues.map(async (name) => app.broker().depth(name)))
      return depths.reduce((all, { messages }) => all + messages, 0)
    },
    callFromPython: async (shape, call, seconds) => python.call(shape, call, seconds),
    callFromNode: async (shape, call, seconds) => callFromNode(app, { shape, call, seconds }),
    close: async () => {
      await python.stop()
      await worker.stop({ graceMs: 0 })
      await app.close()
      redis.disconnect()
      await rabbitmqctl('delete_vhost', vhost)
      if (database !== undefined) await dropTestDatabase(database)
    },
  }
}

function nodeApp(
  brokerUrl: string,
  resultBackend: string,
  settings: { readonly task_acks_late: boolean },
): CeleryApp {
  return createApp(
    new Config({
      queues: ['export', 'python'],
      broker_url: brokerUrl,
      result_backend: resultBackend,
      result_chord_retry_interval: 0.5,
      task_track_started: true,
      ...settings,
      dotenv: false,
      environment: {},
    }),
  )
}

async function callFromNode(
  app: CeleryApp,
  { shape, call, seconds }: { shape: Shape; call: Call; seconds: number },
): Promise<End> {
  try {
    const result = await build(app, shape, call).applyAsync()
    return { value: await result.get({ timeoutMs: seconds * 1_000, intervalMs: 500 }) }
  } catch (error) {
    const { code, excType, excArgs, name, message } = error as Error & {
      readonly code?: string
      readonly excType?: string
      readonly excArgs?: readonly unknown[]
    } // a TaskFailedError, a ResultError, or an error of this side
    if (code === 'RESULT_TIMEOUT') return { unfinished: true }
    return { error: [excType ?? name, excArgs?.map(String).join(', ') ?? message] }
  }
}

interface PythonSide {
  call(shape: Shape, call: Call, seconds: number): Promise<End>
  stop(): Promise<void>
}

/** A worker and a driver in one process. */
async function startPython(env: Readonly<Record<string, string>>): Promise<PythonSide> {
  const child = spawn(service('PYTHON_CELERY'), [join(HERE, 'python/random_workflows.py')], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      ...process.env,
      ...env,
      QUEUES: 'export,python',
      PYTHONPATH: join(PROJECT, 'test/support/python'),
      PYTHONUNBUFFERED: '1',
      PYTHONDONTWRITEBYTECODE: '1',
      C_FORCE_ROOT: '1',
    },
  })
  let complaints = ''
  child.stderr.on('data', (data: Buffer) => {
    complaints = (complaints + data.toString()).slice(-20_000)
  })
  const waiting = new Map<string, (end: End) => void>()
  const exited = once(child, 'close')
  await new Promise<void>((ready, failed) => {
    exited.then(() => failed(new Error(`the Python side ended:\n${complaints}`)), failed)
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line === 'driver ready') ready()
      if (!line.startsWith('{"run"')) return
      const { run, end } = JSON.parse(line) as { readonly run: string; readonly end: End }
      waiting.get(run)?.(end)
      waiting.delete(run)
    })
  })
  return {
    call: async (shape, { run, runner }, timeout) => {
      const ended = new Promise<End>((resolve) => waiting.set(run, resolve))
      child.stdin.write(`${JSON.stringify({ run, runner, shape, timeout })}\n`)
      return await ended
    },
    stop: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}
