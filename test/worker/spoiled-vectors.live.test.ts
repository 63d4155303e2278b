import { readFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { sleep } from '../../src/async/sleep.ts'
import type { RoutedMessage } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open-broker.ts'
import type { Route } from '../../src/protocol/message.ts'
import { freshServers, liveApp, migratedDatabase, type Servers } from '../support/live-app.ts'
import { type Process, startCli } from '../support/processes.ts'
import { hasNothingWaiting } from '../support/rabbitmq.ts'
import { waitFor } from '../support/wait-for.ts'
import { Chance, type Kind, recorded, spoiledBy } from './spoiled-vectors.ts'

/** `SPOILED_VECTORS=30000 SPOILED_SEED=7 npx vitest run --project live test/worker/spoiled-vectors` takes a minute. */
const MESSAGES = Number(process.env.SPOILED_VECTORS ?? 1_500)
const SEED = Number(process.env.SPOILED_SEED ?? 1)
const MINUTE = 60_000
const PATIENCE = { deadlineMs: 3 * MINUTE, everyMs: 200 }
const AT_ONCE = 500
const TASKS: Route = { exchange: 'task_exchange', routingKey: 'hostile' }
const KINDS: readonly Kind[] = ['task', 'task', 'event', 'event', 'command', 'reply']
/** What the worker says of each task in the end. */
const ENDS =
  /"msg":"(?:task succeeded|task failed|task did not complete|kept a message that cannot be run)"/g
/** The share of a core of a process that has nothing to do; one that spins takes it whole. */
const IDLE = 0.5

test(`${MESSAGES} recorded messages with one scalar replaced disturb neither worker nor monitor nor caller`, {
  timeout: 20 * MINUTE,
}, async () => {
  const { worker, monitor, broker, works, recordedTasks, servers } = await openPlace()
  await works()
  const replyQueues = (await servers.vhost.rabbitmqctl('list_queues', '-q', 'name'))
    .split('\n')
    .filter((name) => /^[0-9a-f-]{36}/.test(name))
  expect(replyQueues.length).toBeGreaterThan(2)
  const messages = spoiledMessages(replyQueues)
  for (let at = 0; at < messages.length; at += AT_ONCE)
    await broker.publishMany(messages.slice(at, at + AT_ONCE))
  await waitFor('empty queues', () => hasNothingWaiting(servers.vhost), PATIENCE)
  await works()
  const tasks = messages.filter(({ route }) => route === TASKS).length + 2
  await waitFor('the end of each task', () => endsIn(worker) >= tasks, PATIENCE)
  expect(endsIn(worker)).toBe(tasks)
  await waitFor('the record of each task', async () => (await recordedTasks()) >= tasks, PATIENCE)
  expect(await recordedTasks()).toBe(tasks)
  expect(Math.max(...(await Promise.all([cpuOf(worker), cpuOf(monitor)])))).toBeLessThan(IDLE)
})

async function openPlace() {
  const { ledger: _, ...servers } = await freshServers(['hostile'])
  const database = await migratedDatabase(servers.databaseUrl)
  const broker = openBroker(servers.vhost)
  onTestFinished(() => broker.close())
  const appFile = new URL('../faults/hostile/hostile-app.ts', import.meta.url).pathname
  const env = { ...servers.env, CELERY_RESULT_BACKEND: 'rpc://' }
  const worker = startCli(['worker', '-A', appFile, '-Q', 'hostile', '-c', '4'], { env })
  const monitor = startCli(['monitor', '--database', servers.databaseUrl], { env })
  await Promise.all([worker.waitForLine(/worker ready/), monitor.waitForLine(/monitor started/)])
  return {
    servers,
    worker,
    monitor,
    broker,
    works: worksOn(servers),
    recordedTasks: async (): Promise<number> => {
      const [row] = await database.query<{ count: number }>(
        `select (select count(*) from monitor.message where exchange = 'task_exchange')
           + (select count(*) from monitor.quarantine where exchange = 'task_exchange') as count`,
      )
      return Number(row?.count)
    },
  }
}

/** A call is answered, over a queue of replies, and so is a command. */
function worksOn(servers: Servers): () => Promise<void> {
  const app = liveApp(servers, { result_backend: 'rpc://' })
  const take = app.task('hostile.take', (...args: unknown[]) => args.length)
  return async () => {
    const result = await take.applyAsync([1, 2])
    expect(await result.get({ timeoutMs: MINUTE })).toBe(2)
    expect(await app.control.inspect().ping()).not.toEqual({})
  }
}

function spoiledMessages(replyQueues: readonly string[]): readonly RoutedMessage[] {
  const chance = new Chance(SEED)
  const all = recorded()
  return Array.from({ length: MESSAGES }, (_, at) => {
    const kind = chance.of(KINDS)
    const vector = chance.of(all[kind])
    const routes: Readonly<Record<Kind, Route>> = {
      task: TASKS,
      event: { exchange: vector.exchange, routingKey: vector.routing_key },
      command: { exchange: vector.exchange, routingKey: '' },
      reply: { exchange: '', routingKey: chance.of(replyQueues) },
    }
    return { message: spoiledBy(chance, vector, CHANGES[kind](at)), route: routes[kind] }
  })
}

/** So that each counts: the ids and times of the recordings are others. */
const CHANGES: Readonly<Record<Kind, (at: number) => Readonly<Record<string, unknown>>>> = {
  task: (at) => ({
    id: `spoiled-${at}`,
    number: at,
    eta: null,
    expires: null,
    ...(at % 3 > 0 && { task: 'hostile.take' }),
  }),
  event: () => ({}),
  command: () => ({ expires: 4e9 }),
  reply: () => ({}),
}

function endsIn({ output }: Process): number {
  return output.match(ENDS)?.length ?? 0
}

/** The share of a core that a process takes for a second: there is no event to wait for. */
async function cpuOf({ pid }: Process): Promise<number> {
  const ticks = (): number => {
    const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
    const [user, system] = fields.split(' ').slice(11)
    return Number(user) + Number(system)
  }
  const before = ticks()
  await sleep(1_000)
  return (ticks() - before) / 100
}
