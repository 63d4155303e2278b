import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Servers } from '../../support/live-app.ts'
import { type Process, startCli, startProcess } from '../../support/processes.ts'
import { startPythonWorker } from '../../support/python-celery.ts'
import { service } from '../../support/services.ts'
import type { Line } from './accountant.ts'
import type { Held } from './leaks.ts'
import { TcpProxy } from './proxy.ts'
import { SPARE_QUEUE } from './rabbitmq-faults.ts'
import type { ProxyName, Victim } from './targets.ts'

const PROGRAMS = join(import.meta.dirname, 'programs')
const PYTHON = join(import.meta.dirname, 'python')
const PYTHON_SUPPORT = join(import.meta.dirname, '../../support/python')

export const QUEUES = ['faults', 'redis', 'python', SPARE_QUEUE]

/** How many consumers each queue has when all is well. */
export const CONSUMERS = { faults: 1, redis: 1, python: 1, [SPARE_QUEUE]: 1, 'platform.fifo': 1 }

export type Proxies = Readonly<Record<ProxyName, TcpProxy>>

/** The place where the processes of one run meet: the servers behind proxies, and a folder. */
export interface Site {
  readonly servers: Servers
  readonly proxies: Proxies
  readonly folder: string
}

export async function startProxies({ vhost, databaseUrl }: Servers): Promise<Proxies> {
  const proxies = {
    RabbitMQ: await TcpProxy.before(vhost.url),
    PostgreSQL: await TcpProxy.before(databaseUrl),
    Redis: await TcpProxy.before(service('REDIS_URL')),
  }
  onTestFinished(async () => {
    await Promise.all(Object.values(proxies).map((proxy) => proxy.close()))
  })
  return proxies
}

/** Producers and workers of both languages, and a monitor; started when this resolves. */
export async function startVictims(site: Site): Promise<readonly Victim[]> {
  const victims = [...nodeServices(site), nodeProducer(site), ...pythonServices(site)]
  // Those that declare the queues first.
  const started: Victim[] = []
  for (const victim of victims) started.push({ ...victim, process: await victim.start() })
  return started
}

type Unstarted = Omit<Victim, 'process'>

function nodeServices(site: Site): Unstarted[] {
  const app = join(PROGRAMS, 'app.ts')
  const started = async (
    name: string,
    args: readonly string[],
    { line, env = {} }: { readonly line: RegExp; readonly env?: Record<string, string> },
  ): Promise<Process> => {
    const process = startCli(args, { env: { ...nodeEnv(site, name), ...env } })
    await process.waitForLine(line, { deadlineMs: 90_000 })
    return process
  }
  const redis = site.proxies.Redis.urlFor(service('REDIS_URL'))
  const of = (name: string, start: () => Promise<Process>): Unstarted => ({
    name,
    start,
    isNode: true,
    endsGracefully: true,
  })
  return [
    of('monitor', () => started('monitor', ['monitor'], { line: /monitor started/ })),
    of('Node worker', () =>
      started(
        'Node worker',
        ['worker', '-A', app, '-Q', `faults,${SPARE_QUEUE}`, '-c', '5', '-E', '-n', 'node@%h'],
        {
          line: /worker ready/,
        },
      ),
    ),
    of('Redis worker', () =>
      started(
        'Redis worker',
        ['worker', '-A', app, '-Q', 'redis', '-c', '5', '-E', '-n', 'redis@%h'],
        {
          line: /worker ready/,
          env: { CELERY_RESULT_BACKEND: redis },
        },
      ),
    ),
  ]
}

function nodeProducer(site: Site): Unstarted {
  const name = 'Node producer'
  const env = { ...nodeEnv(site, name), TASKS: 'faults.step,python.step,redis.step' }
  return {
    name,
    isNode: true,
    endsGracefully: false,
    start: async () => startProcess(process.execPath, [join(PROGRAMS, 'producer.mjs')], { env }),
  }
}

function pythonServices(site: Site): Unstarted[] {
  const env = pythonEnv(site)
  return [
    {
      name: 'Python worker',
      isNode: false,
      endsGracefully: true,
      start: () =>
        startPythonWorker({
          env,
          app: 'harness_app',
          queues: ['python'],
          pool: 'prefork',
          concurrency: 2,
          args: ['-E', '--without-mingle', '--without-gossip'],
        }),
    },
    {
      name: 'Python producer',
      isNode: false,
      endsGracefully: false,
      start: async () =>
        startProcess(service('PYTHON_CELERY'), [join(PYTHON, 'harness_producer.py')], {
          env: {
            ...env,
            TASKS: 'redis.step,faults.step,python.step',
            TRANSPORT_OPTIONS: JSON.stringify({
              confirm_publish: true,
              read_timeout: 5,
              write_timeout: 5,
            }),
          },
        }),
    },
  ]
}

/** The servers, by way of the proxies. */
function serversEnv({ servers: { vhost, databaseUrl, env }, proxies }: Site) {
  const { RabbitMQ, PostgreSQL } = proxies
  return {
    ...env,
    AMQP_URL: RabbitMQ.urlFor(vhost.url),
    CELERY_BROKER_URL: RabbitMQ.urlFor(vhost.url),
    CELERY_RESULT_BACKEND: PostgreSQL.urlFor(env.CELERY_RESULT_BACKEND ?? ''),
    DATABASE_URL: PostgreSQL.urlFor(databaseUrl),
  }
}

function nodeEnv(site: Site, name: string): Record<string, string> {
  return {
    ...serversEnv(site),
    CELERY_TASK_ACKS_LATE: 'True',
    // A run ends once all timers have, and a command of Redis that was lost has one for so long: two minutes by default.
    CELERY_REDIS_SOCKET_TIMEOUT: '20',
    LEDGER: join(site.folder, 'ledger'),
    HARNESS_FOLDER: site.folder,
    HARNESS_NAME: name,
    NODE_OPTIONS: `--import ${join(PROGRAMS, 'inside.mjs')}`,
  }
}

function pythonEnv(site: Site): Record<string, string> {
  return {
    ...serversEnv(site),
    RUN_LEDGER: join(site.folder, 'ledger'),
    PYTHONPATH: `${PYTHON}:${PYTHON_SUPPORT}`,
    C_FORCE_ROOT: '1',
    PYTHONUNBUFFERED: '1',
  }
}

export function setClock(folder: string, { name }: Victim, aheadMs: number): void {
  writeFileSync(join(folder, `clock of ${name}`), String(aheadMs))
}

/** What producers were promised, and what tasks did. */
export function readLedger(folder: string): Line[] {
  return readFileSync(join(folder, 'ledger'), 'utf8').split('\n').flatMap(lineOf)
}

function lineOf(text: string): Line[] {
  try {
    return [JSON.parse(text) as Line] // as the programs write it
  } catch {
    return [] // the last one of a process that was killed
  }
}

/** What all processes hold open: connections to each server, channels, and what the Node processes say of themselves. */
export async function heldOpen({ servers, proxies, folder }: Site): Promise<Held> {
  const channels = await servers.vhost.rabbitmqctl(
    'eval',
    `length([1 || I <- rabbit_channel:info_all([vhost]), proplists:get_value(vhost, I) =:= <<"${servers.vhost.name}">>]).`,
  )
  const connections = Object.entries(proxies).map(([name, proxy]) => [
    `connections to ${name}`,
    proxy.connections,
  ])
  const ofProcesses = readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .flatMap((file) => {
      // As programs/inside.mjs writes it.
      const {
        pid: _,
        memory: __,
        ...open
      } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Held
      return Object.entries(open).map(([what, count]) => [`${file.slice(0, -5)}: ${what}`, count])
    })
  return {
    channels: Number(channels),
    ...Object.fromEntries(connections),
    ...Object.fromEntries(ofProcesses),
  }
}
