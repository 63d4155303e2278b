import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { deadLetterQueue } from '../../src/brokers/dead-letters/dead-letter-queue.ts'
import type { Database } from '../../src/database/database.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import type { Message } from '../../src/protocol/message.ts'
import { type Process, startProcess } from '../support/processes.ts'
import { PROJECT } from '../support/services.ts'
import { waitFor } from '../support/wait-for.ts'
import { config, message, withBody } from './messages.ts'
import { counts, openPlace, type Place, recorded, settled, startMonitor } from './monitored.ts'
import { gateTo } from './postgres-gate.ts'

test('a monitor killed in the middle of a batch loses nothing, and records nothing twice', async () => {
  const place = await openPlace()
  const messages = many(2000)
  await place.publish(messages)
  const process = await startMonitorProcess(place)
  await process.waitForLine(/^batch 3$/m)
  const lock = await lockTasks(place.database)
  await lock.isInTheWay()
  await process.stop('SIGKILL')
  await lock.release()
  const { messages: before } = await counts(place.database)
  expect(before).toBeLessThan(2000)

  await startMonitorProcess(place)
  await settled(place, 2000)
  expect(await counts(place.database)).toMatchObject({ tasks: 2000, messages: 2000 })
  await waitFor('an empty queue', async () => (await place.waiting()) === 0)
})

test('connections that the server ends in the middle of a batch cost nothing but time', async () => {
  const place = await openPlace()
  const monitor = await startMonitor(place, { batchSize: 100 })
  const lock = await lockTasks(place.database)
  await place.publish(many(1000))
  await lock.isInTheWay()
  await lock.admin.query(
    'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  )
  await lock.release()
  await recorded([monitor], 1000)
  expect(await counts(place.database)).toMatchObject({ tasks: 1000, messages: 1000 })
  expect(monitor.stats()).toMatchObject({ messages: 1000, isDatabaseAway: false })
})

test('while the database is away consuming is paused and said once; it goes on by itself', async () => {
  const place = await openPlace()
  const gate = await gateTo(place.database.url)
  const database = await openDatabase({ url: gate.url })
  onTestFinished(() => database.close())
  const log = logged()
  const monitor = await startMonitor(place, {
    database,
    batchSize: 10,
    prefetch: 20,
    logger: log.logger,
  })
  await place.publish(many(50))
  await recorded([monitor], 50)

  gate.shut()
  await place.publish(many(500))
  await waitFor(
    'the pause',
    async () => (await place.broker.depth(config.platformQueue)).consumers === 0,
  )
  expect(monitor.stats()).toMatchObject({
    messages: 50,
    isDatabaseAway: true,
    lastError: expect.stringMatching(/cannot reach/),
  })
  const away = /database unreachable/
  await waitFor('more tries', () => log.lines.filter((line) => away.test(line)).length > 0)
  gate.open()
  await recorded([monitor], 550)
  expect(log.lines.filter((line) => away.test(line))).toHaveLength(1)
  expect(log.lines.filter((line) => /database reachable again/.test(line))).toHaveLength(1)
  expect(await counts(place.database)).toMatchObject({ tasks: 550, messages: 550 })
  expect(monitor.stats().isDatabaseAway).toBe(false)
})

test.each(['before', 'after'] as const)(
  'a connection that is cut %s the server commits costs no row, and doubles none',
  async (when) => {
    const place = await openPlace()
    const gate = await gateTo(place.database.url)
    const database = await openDatabase({ url: gate.url })
    onTestFinished(() => database.close())
    const monitor = await startMonitor(place, { database, batchSize: 20 })
    gate.cutAtCommit(when)
    await place.publish(many(60))
    await recorded([monitor], 60)
    expect(monitor.stats().lastError).toMatch(/cannot reach/)
    expect(await counts(place.database)).toMatchObject({ tasks: 60, messages: 60, quarantined: 0 })
    expect(await place.waiting()).toBe(0)
  },
)

test('a monitor that stops while the database is away leaves what it held in the queue', async () => {
  const place = await openPlace()
  const gate = await gateTo(place.database.url)
  const database = await openDatabase({ url: gate.url })
  onTestFinished(() => database.close())
  const monitor = await startMonitor(place, { database })
  gate.shut()
  await place.publish(many(30))
  await waitFor('the absence to be noticed', () => monitor.stats().isDatabaseAway)
  await monitor.stop({ graceMs: 50 })
  await waitFor('all to be back', async () => (await place.waiting()) === 30)
})

test('monitors side by side record everything once, though the broker drops their connections', async () => {
  const place = await openPlace()
  const monitors = await Promise.all([
    startMonitor(place, { batchSize: 50 }),
    startMonitor(place, { batchSize: 70 }),
  ])
  const attempts = many(1500).flatMap((one, at) => [
    one,
    message({ id: `retry-${at % 40}`, retries: at }),
  ])
  await place.publish(attempts.slice(0, 1500))
  await recorded(monitors, 200)
  await place.vhost.closeConnections()
  await place.publish(attempts.slice(1500))
  await settled(place, 3000)
  await waitFor('an empty queue', async () => (await place.waiting()) === 0)
  expect(await counts(place.database)).toMatchObject({
    tasks: 1540,
    messages: 3000,
    quarantined: 0,
  })
  expect(
    await place.database.query(
      "select min(retries) as least from monitor.task where task_id like 'retry-%'",
    ),
  ).toEqual([{ least: 1460 }])
  expect(monitors.every((monitor) => monitor.stats().messages > 0)).toBe(true)
})

test('a row that PostgreSQL refuses is found and quarantined, and its batch is written', async () => {
  const place = await openPlace()
  await place.database.query(
    "alter table monitor.task add constraint never check (task_id <> 'refused')",
  )
  await place.publish([...many(40), message({ id: 'refused' }), ...many(40)])
  const monitor = await startMonitor(place)
  await recorded([monitor], 81)
  const kept = await place.database.query('select code, reason, task_id from monitor.quarantine')
  expect(kept).toEqual([
    {
      code: 'ROW_REFUSED',
      reason: expect.stringMatching(/^PostgreSQL refused its row: .*never.*\(23514\)/),
      task_id: 'refused',
    },
  ])
  expect(await counts(place.database)).toMatchObject({ tasks: 80, messages: 80 })
})

test('what even the quarantine refuses is moved to a queue of its own', async () => {
  const place = await openPlace()
  await place.database.query(
    "alter table monitor.quarantine add constraint never check (reason not like '%JSON%')",
  )
  const monitor = await startMonitor(place)
  const broken = withBody('broken', 'not JSON')
  await place.publish([...many(5), broken, ...many(5)])
  const queue = deadLetterQueue(config.platformQueue)
  await waitFor('the message to be moved', async () => (await depthOf(place, queue)) === 1)
  const moved = await place.broker.get(queue)
  expect(moved?.message.body).toEqual(broken.body)
  await recorded([monitor], 10)
  expect(monitor.stats()).toMatchObject({ messages: 10, refused: 1 })
  await monitor.stop()
  expect(await place.waiting()).toBe(0)
})

test('a platform queue that is deleted is declared and consumed again', async () => {
  const place = await openPlace()
  const monitor = await startMonitor(place)
  await place.vhost.rabbitmqctl('delete_queue', config.platformQueue)
  await waitFor(
    'a consumer',
    async () => (await depthOf(place, config.platformQueue, 'consumers')) === 1,
  )
  await place.broker.declare(config.topology())
  await place.publish(many(3))
  await recorded([monitor], 3)
})

function many(count: number): Message[] {
  return Array.from({ length: count }, (_, at) => message({ args: [at] }))
}

async function startMonitorProcess(place: Place): Promise<Process> {
  const process = startProcess(
    'node',
    ['--import', 'tsx', join(PROJECT, 'test/monitor/monitor-process.ts')],
    {
      env: { AMQP_URL: place.vhost.url, DATABASE_URL: place.database.url, BATCH_SIZE: '50' },
    },
  )
  await process.waitForLine(/^started$/m)
  return process
}

/** Holds the table of tasks, so that whoever writes a batch stays in the middle of it. */
async function lockTasks(database: Database) {
  const admin = await openDatabase({ url: database.url })
  onTestFinished(() => admin.close())
  let release: () => void = () => undefined
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  let isHeld = false
  const held = admin.transaction(async (connection) => {
    await connection.query('lock table monitor.task in access exclusive mode')
    isHeld = true
    await released
  })
  // Where the server ended this connection too, the lock is gone as well.
  const ended = held.catch(() => undefined)
  await waitFor('the lock', () => isHeld)
  return {
    admin,
    isInTheWay: () =>
      waitFor('a batch that waits for the lock', async () => {
        const waiting = await admin.query(
          "select from pg_locks where relation = 'monitor.task'::regclass and not granted",
        )
        return waiting.length > 0
      }),
    release: async () => {
      release()
      await ended
    },
  }
}

async function depthOf(
  { broker }: Place,
  queue: string,
  what: 'messages' | 'consumers' = 'messages',
): Promise<number> {
  const depth = await broker.depth(queue)
  return depth[what] ?? 0
}

function logged() {
  const lines: string[] = []
  const note = (fields: unknown, sentence?: string) => {
    lines.push(sentence ?? String(fields))
  }
  const logger = { debug: note, info: note, warn: note, error: note, child: () => logger }
  return { lines, logger }
}
