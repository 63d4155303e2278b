import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { tableOfRuns } from '../chaos/record.ts'
import { freshServers, liveApp, migratedDatabase, type Servers } from '../support/live-app.ts'
import { type Process, startCli } from '../support/processes.ts'
import { startPythonWorker } from '../support/python-celery.ts'
import { Accountant } from './harness/accountant.ts'
import { faultsFor, type Targets } from './harness/faults.ts'
import { TcpProxy } from './harness/proxy.ts'
import { Seeds } from './harness/seeds.ts'

/** `npm run test:faults -- --seeds N --minutes M` is the long form. */
const RUNS = Number(process.env.FAULTS_SEEDS ?? 1)
const MINUTES = Number(process.env.FAULTS_MINUTES ?? 0.15)
const FIRST = Number(process.env.FAULTS_FIRST_SEED ?? Date.now() % 1_000_000)

test.each(Array.from({ length: RUNS }, (_, run) => FIRST + run))(
  'nothing accepted is lost, left or unrecorded after the faults of seed %d',
  async (seed) => {
    const seeds = new Seeds(seed)
    const servers = await freshServers(['chaos', 'python'])
    await tableOfRuns(servers.databaseUrl)
    const database = await migratedDatabase(servers.databaseUrl)
    const targets = await startAll(servers, async (text) => database.query(text))
    const app = liveApp(servers)
    app.task('chaos.step', () => undefined)
    const services = () =>
      Object.fromEntries(
        Object.entries(targets.victims).map(([name, { process }]) => [name, process]),
      )
    const accountant = new Accountant({
      database,
      broker: await app.readyBroker(),
      consumers: { chaos: 1, python: 1, 'platform.fifo': 1 },
      get services() {
        return services()
      },
    })

    const endsAt = Date.now() + MINUTES * 60_000
    const publishing = publishUntil(endsAt, async (number) => {
      const task = number % 3 === 0 ? 'python.step' : 'chaos.step'
      const { id } = await app.signature(task, [1, number, 0]).applyAsync()
      accountant.accept(id)
    })
    const struck = await strikeUntil(endsAt, targets, seeds)
    await publishing
    const account = await accountant.account()
    console.log(
      `faults: seed ${seed}: ${struck.join(', ')}; ${account.accepted} accepted, ${account.repeats} repeats`,
    )
    expect({ ...account, accepted: 0, repeats: 0 }).toEqual({
      accepted: 0,
      unrecorded: [],
      unfinished: [],
      neverRan: [],
      repeats: 0,
      messagesLeft: { chaos: 0, python: 0, 'platform.fifo': 0 },
      consumersMissing: [],
      spinning: [],
    })
    expect(account.accepted).toBeGreaterThan(0)
  },
  MINUTES * 60_000 + 180_000,
)

/** One call every 50 ms; what is refused is not accepted, and not counted. */
async function publishUntil(
  endsAt: number,
  publish: (number: number) => Promise<void>,
): Promise<void> {
  const calls: Promise<void>[] = []
  for (let number = 0; Date.now() < endsAt; number += 1) {
    calls.push(publish(number).catch(() => undefined))
    await wait(50)
  }
  await Promise.all(calls)
}

/** One fault after the other, each once before any comes again; a pause in between. */
async function strikeUntil(
  endsAt: number,
  targets: Targets,
  seeds: Seeds,
): Promise<readonly string[]> {
  const faults = faultsFor(targets)
  const struck: string[] = []
  while (Date.now() < endsAt) {
    for (const name of seeds.shuffled(Object.keys(faults))) {
      if (Date.now() >= endsAt) break
      struck.push(name)
      await faults[name]?.(targets, seeds)
      await wait(seeds.between(200, 1_500))
    }
  }
  return struck
}

async function startAll(servers: Servers, sql: Targets['sql']): Promise<Targets> {
  const { vhost, databaseUrl } = servers
  const proxies = {
    RabbitMQ: await TcpProxy.before(vhost.url),
    PostgreSQL: await TcpProxy.before(databaseUrl),
  }
  onTestFinished(async () => {
    await Promise.all(Object.values(proxies).map((proxy) => proxy.close()))
  })
  const broker = proxies.RabbitMQ.urlFor(vhost.url)
  const env = {
    ...servers.env,
    AMQP_URL: broker,
    CELERY_BROKER_URL: broker,
    CELERY_RESULT_BACKEND: proxies.PostgreSQL.urlFor(servers.env.CELERY_RESULT_BACKEND ?? ''),
    CELERY_TASK_ACKS_LATE: 'True',
  }
  const started = async (args: readonly string[], line: RegExp): Promise<Process> => {
    const service = startCli(args, { env })
    await service.waitForLine(line, { deadlineMs: 90_000 })
    return service
  }
  const app = join(import.meta.dirname, '../chaos/chaos-app.ts')
  const starts: Readonly<Record<string, () => Promise<Process>>> = {
    'Node worker': () => started(['worker', '-A', app, '-Q', 'chaos', '-c', '5'], /worker ready/),
    monitor: () => started(['monitor'], /monitor started/),
    'Python worker': () =>
      startPythonWorker({
        env: { ...env, PYTHONPATH: join(import.meta.dirname, '../chaos/python') },
        app: 'chaos_app',
        queues: ['python'],
        pool: 'prefork',
        concurrency: 2,
        args: ['--without-mingle', '--without-gossip'],
      }),
  }
  const victims = await Promise.all(
    Object.entries(starts).map(
      async ([name, start]) => [name, { start, process: await start() }] as const,
    ),
  )
  return { proxies, victims: Object.fromEntries(victims), vhost, sql }
}
