import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { type CeleryApp, Config, createApp } from 'celery-toolbox'
import pg from 'pg'

const execute = promisify(execFile)
const SERVICES = resolve(import.meta.dirname, '../scripts/services')
const PEERS = join(import.meta.dirname, 'peers')

/** A virtual host and a database of one scenario's own. */
export interface BenchPlace {
  readonly amqpUrl: string
  readonly databaseUrl: string
  close(): Promise<void>
}

export async function openPlace(): Promise<BenchPlace> {
  const name = `bench-${randomUUID()}`
  const database = name.replaceAll('-', '_')
  const amqpUrl = new URL(needed('AMQP_URL'))
  const user = decodeURIComponent(amqpUrl.username) || 'guest'
  await execute(SERVICES, ['rabbitmqctl', 'add_vhost', name])
  await execute(SERVICES, ['rabbitmqctl', 'set_permissions', '-p', name, user, '.*', '.*', '.*'])
  await onServer(`create database ${database}`)
  amqpUrl.pathname = `/${name}`
  const databaseUrl = new URL(needed('DATABASE_URL'))
  databaseUrl.pathname = `/${database}`
  return {
    amqpUrl: amqpUrl.href,
    databaseUrl: databaseUrl.href,
    close: async () => {
      await execute(SERVICES, ['rabbitmqctl', 'delete_vhost', name])
      await onServer(`drop database ${database} with (force)`)
    },
  }
}

/** Our app on that place; `results` says where results go. */
export function benchApp(place: BenchPlace, results: 'none' | 'postgres'): CeleryApp {
  const config = new Config({
    queues: ['export', 'python'],
    broker_url: place.amqpUrl,
    result_backend:
      results === 'none'
        ? 'disabled://'
        : place.databaseUrl.replace(/^postgres(ql)?:/, 'db+postgresql:'),
    task_ignore_result: results === 'none',
    dotenv: false,
    environment: {},
  })
  return createApp(config)
}

/** Starts a Python program of bench/peers and gives the line it prints once it is done. */
export async function runPeer(
  script: string,
  args: readonly string[],
  place: BenchPlace,
  python = 'PYTHON_CELERY',
): Promise<string> {
  const child = spawn(needed(python), [join(PEERS, script), ...args], {
    env: {
      ...process.env,
      AMQP_URL: place.amqpUrl,
      DATABASE_URL: place.databaseUrl,
      C_FORCE_ROOT: '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output: string[] = []
  const errors: string[] = []
  child.stdout.on('data', (data: Buffer) => output.push(data.toString()))
  child.stderr.on('data', (data: Buffer) => errors.push(data.toString()))
  const code = await new Promise<number | null>((done) => child.on('close', done))
  if (code !== 0) throw new Error(`${script} ended with ${code}: ${errors.join('')}`)
  return output.join('').trim().split('\n').at(-1) ?? ''
}

/** Installs a package that only a peer needs. */
export async function ensurePythonPackage(name: string, variable = 'PYTHON_CELERY'): Promise<void> {
  const python = needed(variable)
  try {
    await execute(python, ['-c', `import ${name}`])
  } catch {
    await execute(python, ['-m', 'pip', 'install', '--quiet', name])
  }
}

export async function query<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

async function onServer(sql: string): Promise<void> {
  await query(needed('DATABASE_URL'), sql)
}

export function needed(variable: string): string {
  const value = process.env[variable]
  if (value !== undefined) return value
  throw new Error(`${variable} is not set: run "npm run bench", which starts the servers`)
}
