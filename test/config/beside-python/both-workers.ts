import { join } from 'node:path'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import type { Broker } from '../../../src/brokers/broker.ts'
import { openBroker } from '../../../src/brokers/open-broker.ts'
import { Config, type ConfigOptions } from '../../../src/config/config.ts'
import { type CeleryApp, createApp } from '../../../src/create-app.ts'
import { encodeTask } from '../../../src/protocol/tasks/encode-task.ts'
import type { TaskCall } from '../../../src/protocol/tasks/task-request.ts'
import type { Worker } from '../../../src/worker/worker.ts'
import type { WorkerOptions } from '../../../src/worker/worker-options.ts'
import { type Process, startProcess } from '../../support/processes.ts'
import { deleteVhost, makeVhost, type Vhost } from '../../support/rabbitmq.ts'
import { service } from '../../support/services.ts'
import { createTestDatabase, databaseUrl, dropTestDatabase } from '../../support/test-databases.ts'

/** Settings as Celery names them, in which `{name}` stands for the name of the case, and a worker with them in each language. */
export interface WorkerCase {
  readonly name: string
  readonly settings?: Readonly<Record<string, unknown>>
  readonly concurrency?: number
  /** Python's pool: the one of its own that its settings need. */
  readonly pool?: 'solo' | 'threads' | 'prefork'
}

/** A language's workers, on servers of their own. */
export interface Side {
  readonly language: 'python' | 'node'
  readonly vhost: Vhost
  readonly databaseUrl: string
  readonly broker: Broker
  stop(): Promise<void>
}

/** One worker for each case in each language; a case's queue has its name. */
export async function startBothSides(
  cases: readonly WorkerCase[],
  prepare: (broker: Broker) => Promise<void> = async () => undefined,
): Promise<readonly [Side, Side]> {
  return await Promise.all([startSide('python', cases, prepare), startSide('node', cases, prepare)])
}

export async function stopBothSides(sides: readonly Side[] = []): Promise<void> {
  await Promise.all(sides.map((side) => side.stop()))
  opened?.disconnect()
}

/** A call as Python's send_task makes it: whether its result is kept is left to the task. */
export async function callTask(
  { broker }: Side,
  { queue, ...call }: TaskCall & { readonly queue: string },
): Promise<void> {
  const message = encodeTask({
    ignoreResult: null,
    replyTo: `${queue}-replies`,
    ...call,
  })
  await broker.publish(message, { exchange: '', routingKey: queue })
}

/** Set once `probe.wait` has begun. */
export function beganKey(id: string): string {
  return `began:${id}`
}

async function startSide(
  language: Side['language'],
  cases: readonly WorkerCase[],
  prepare: (broker: Broker) => Promise<void>,
): Promise<Side> {
  const [vhost, database] = await Promise.all([makeVhost(), createTestDatabase()])
  const url = databaseUrl(database)
  await makeSchema(url)
  const servers = { vhost, databaseUrl: url }
  const broker = openBroker(vhost)
  await prepare(broker)
  const workers =
    language === 'python' ? await startPython(cases, servers) : await startNode(cases, servers)
  return {
    language,
    vhost,
    databaseUrl: url,
    broker,
    stop: async () => {
      await workers.stop()
      await broker.close()
      await Promise.all([deleteVhost(vhost), dropTestDatabase(database)])
    },
  }
}

async function makeSchema(url: string): Promise<void> {
  const client = new Client(url)
  await client.connect()
  await client.query('create schema mine')
  await client.end()
}

interface SideServers {
  readonly vhost: Vhost
  readonly databaseUrl: string
}

interface Workers {
  stop(): Promise<void>
}

async function startPython(cases: readonly WorkerCase[], servers: SideServers): Promise<Workers> {
  const file = join(import.meta.dirname, 'python/case_workers.py')
  const input = cases.map((one) => ({
    name: one.name,
    settings: settingsOf(one, servers),
    options: { pool: one.pool ?? 'solo', concurrency: one.concurrency ?? 1 },
  }))
  const program: Process = startProcess(service('PYTHON_CELERY'), [file], {
    env: {
      AMQP_URL: servers.vhost.url,
      REDIS_URL: service('REDIS_URL'),
      PYTHONUNBUFFERED: '1',
      C_FORCE_ROOT: '1',
    },
    input: JSON.stringify(input),
    isShared: true,
  })
  for (const { name } of cases) await program.waitForLine(new RegExp(`^${name} is ready$`, 'm'))
  return {
    stop: async () => {
      process.kill(-program.pid, 'SIGKILL')
      await program.exited
    },
  }
}

async function startNode(cases: readonly WorkerCase[], servers: SideServers): Promise<Workers> {
  const running = await Promise.all(cases.map((one) => startNodeWorker(one, servers)))
  return {
    stop: async () => {
      await Promise.all(
        running.map(async ({ app, worker }) => {
          await worker.stop({ graceMs: 0 })
          await app.close()
        }),
      )
    },
  }
}

async function startNodeWorker(
  one: WorkerCase,
  servers: SideServers,
): Promise<{ readonly app: CeleryApp; readonly worker: Worker }> {
  const app = createApp(configOf(settingsOf(one, servers), servers))
  app.task('probe.add', (x: number, y: number) => x + y)
  app.task('probe.fail', (text: string) => {
    throw new ValueError(text)
  })
  app.task('probe.wait', { bind: true }, async (self, ..._: unknown[]) => {
    await redis().set(beganKey(self.request.id), 'yes', 'EX', 600)
    await new Promise(() => undefined)
  })
  const options: WorkerOptions = {
    name: `${one.name}@node`,
    concurrency: one.concurrency ?? 1,
    mingle: false,
    gossip: false,
  }
  const worker = app.worker(options)
  await worker.start()
  return { app, worker }
}

class ValueError extends Error {
  override readonly name = 'ValueError'
}

let opened: Redis | undefined

/** Where a task says that it began, and results are kept. */
export function redis(): Redis {
  opened ??= new Redis(service('REDIS_URL'))
  return opened
}

function settingsOf(one: WorkerCase, { databaseUrl: url }: SideServers): Record<string, unknown> {
  const settings = { task_default_queue: '{name}', ...one.settings }
  const written = JSON.stringify(settings)
    .replaceAll('{name}', one.name)
    .replaceAll('{database}', url.replace(/^postgres(?:ql)?:/, 'db+postgresql+psycopg2:'))
    .replaceAll('{redis}', service('REDIS_URL'))
  return JSON.parse(written) as Record<string, unknown> // it was written from one
}

function configOf(settings: Readonly<Record<string, unknown>>, { vhost }: SideServers): Config {
  return new Config({
    TOPOLOGY: 'celery',
    MIRROR: false,
    queues: [String(settings.task_default_queue ?? 'celery')],
    broker_url: vhost.url,
    result_backend: 'disabled://',
    environment: {},
    dotenv: false,
    ...(settings as ConfigOptions),
  })
}
