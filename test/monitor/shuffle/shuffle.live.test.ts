import { join } from 'node:path'
import { expect, onTestFailed, test } from 'vitest'
import { eventQueueName, eventTopology } from '../../../src/monitor/events/event-topology.ts'
import { absorbTasks } from '../../../src/monitor/states/absorb-results.ts'
import { type Process, startProcess } from '../../support/processes.ts'
import { PROJECT } from '../../support/services.ts'
import { waitFor } from '../../support/wait-for.ts'
import { config } from '../messages.ts'
import { openPlace, type Place, startMonitor } from '../monitored.ts'
import { type History, historyOf, type Publish } from './history.ts'
import { Random } from './random.ts'
import { storeResults } from './results.ts'
import { differences, type Tables, tablesOf } from './tables.ts'

/** `npm run test:scale` has 2,000. */
const TASKS = Number(process.env.SHUFFLE_TASKS ?? 500)
const MINUTE_MS = 60_000
const EVENT_QUEUE = eventQueueName(config)

test('messages, events and results of tasks in any order, each up to three times, by monitors that are killed, make the same tables as once in order', async () => {
  const seed = Number(process.env.SHUFFLE_SEED ?? Math.floor(Math.random() * 2 ** 31))
  const startMs = Number(process.env.SHUFFLE_START ?? Date.now() - 2 * MINUTE_MS)
  console.info(`SHUFFLE_SEED=${seed} SHUFFLE_START=${startMs}`)
  onTestFailed(() => console.error(`again: SHUFFLE_SEED=${seed} SHUFFLE_START=${startMs}`))
  const history = historyOf(TASKS, seed, startMs)
  const [ordered, shuffled] = await Promise.all([
    onceInOrder(history),
    inAnyOrder(history, new Random(seed + 1)),
  ])
  expect(ordered.size).toBeGreaterThan(4 * TASKS)
  expect(differences(ordered, shuffled)).toEqual([])
}, 180_000)

/** One monitor, nothing twice, results last. */
async function onceInOrder({ published, results }: History): Promise<Tables> {
  const place = await openShufflePlace()
  const monitor = await startMonitor(place, { states: { reconcile: false } })
  for (let at = 0; at < published.length; at += 500) {
    await publishAll(place, published.slice(at, at + 500))
  }
  await drained(place)
  await monitor.stop()
  await storeResults(place.database, results)
  return await finalTables(place)
}

/** Three monitors, of which two are killed in mid-batch and started again; all of it up to three times. */
async function inAnyOrder({ published, results }: History, random: Random): Promise<Tables> {
  const place = await openShufflePlace()
  const monitors = await Promise.all([1, 2, 3].map(() => startMonitorProcess(place)))
  const arrivals = random.pieces(random.repeated(published), 400)
  const rows = random.pieces(random.repeated(results), 300)
  const storing = eachOf(rows, (piece) => storeResults(place.database, piece))
  const killing = eachOf(monitors.slice(0, 2), (monitor) => killAndStart(place, monitor))
  const publishing = eachOf(arrivals, (piece) => publishAll(place, piece))
  await Promise.all([storing, killing, publishing])
  await drained(place)
  expect(await deadlocksIn(place)).toBe(0)
  return await finalTables(place)
}

async function openShufflePlace(): Promise<Place> {
  const place = await openPlace()
  await place.broker.declare(eventTopology(config))
  return place
}

async function startMonitorProcess({ vhost, database }: Place): Promise<Process> {
  const program = join(PROJECT, 'test/monitor/monitor-process.ts')
  const started = startProcess('node', ['--import', 'tsx', program], {
    env: { AMQP_URL: vhost.url, DATABASE_URL: database.url, BATCH_SIZE: '50' },
  })
  await started.waitForLine(/^started$/m)
  return started
}

async function killAndStart(place: Place, monitor: Process): Promise<void> {
  await monitor.waitForLine(/^batch 3$/m)
  await monitor.stop('SIGKILL')
  await startMonitorProcess(place)
}

async function publishAll({ broker }: Place, messages: readonly Publish[]): Promise<void> {
  await broker.publishMany(messages)
}

/** One after the other. */
async function eachOf<Item>(
  items: readonly Item[],
  act: (item: Item) => Promise<void>,
): Promise<void> {
  for (const item of items) await act(item)
}

/** Nothing waits, and nothing is in the hands of a monitor. */
async function drained({ vhost }: Place): Promise<void> {
  const isDrained = async () => {
    const listed = await vhost.rabbitmqctl('list_queues', 'name', 'messages')
    const left = new Map(listed.split('\n').map((line) => line.split('\t') as [string, string]))
    return [config.platformQueue, EVENT_QUEUE].every((queue) => left.get(queue) === '0')
  }
  await waitFor('all to be recorded and acked', isDrained, { deadlineMs: MINUTE_MS })
}

async function deadlocksIn({ database }: Place): Promise<number> {
  const [row] = await database.query<{ deadlocks: number }>(
    'select deadlocks from pg_stat_database where datname = current_database()',
  )
  return Number(row?.deadlocks)
}

/** Results are looked at by a timer, too; here until there is no more to learn from them. */
async function finalTables({ database }: Place): Promise<Tables> {
  const tasks = await database.query<{ id: string }>('select task_id as id from monitor.task')
  const ids = tasks.map(({ id }) => id)
  await waitFor('all results to be absorbed', async () => {
    return (await absorbTasks(database, ids)).changed === 0
  })
  return await tablesOf(database)
}
