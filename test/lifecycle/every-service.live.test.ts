import {
  Board,
  Conductor,
  celeryRemotes,
  EventRelay,
  linear,
  RemoteRelay,
  task,
  WakeUps,
} from 'celery-toolbox/flows'
import { expect, onTestFinished, test } from 'vitest'
import { openBroker } from '../../src/brokers/open-broker.ts'
import { Config } from '../../src/config/config.ts'
import { type CeleryApp, createApp } from '../../src/create-app.ts'
import type { Database } from '../../src/database/database.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { silentLogger } from '../../src/logger.ts'
import { Monitor } from '../../src/monitor/monitor.ts'
import { durableQueue } from '../../src/protocol/routing/topology.ts'
import { CommonService, PikaTransport } from '../../src/recipes/index.ts'
import { amqp, Block, operator, text } from '../../src/streams/index.ts'
import { migratedDatabase } from '../support/postgres.ts'
import { freshVhost } from '../support/rabbitmq.ts'
import { type Silenceable, silenceable } from '../support/silenceable.ts'
import { waitFor } from '../support/wait-for.ts'

/** What runs until it is stopped. What it was given is closed by whoever made it. */
interface Runs {
  start(): Promise<unknown>
  stop(): Promise<unknown>
  close?(): Promise<unknown>
}

interface Ways {
  readonly broker: Silenceable
  readonly database: Silenceable
}

const KINDS: Readonly<Record<string, (ways: Ways) => Promise<Runs>>> = {
  worker: async ({ broker }) => {
    const app = appOn(broker)
    app.task('export.add', (x: number, y: number) => x + y)
    const worker = app.worker({ queues: ['export'], taskEvents: true })
    return {
      start: () => worker.start(),
      stop: () => worker.stop({ graceMs: 0 }),
      close: () => app.close(),
    }
  },
  monitor: async (ways) => {
    const broker = openBroker({ url: ways.broker.url })
    const database = await openDatabase({ url: ways.database.url })
    const monitor = new Monitor({ broker, database, config: configOn(ways.broker) })
    return {
      start: () => monitor.start(),
      stop: () => monitor.stop({ graceMs: 0 }),
      close: () => Promise.all([broker.close(), database.close()]),
    }
  },
  conductor: async (ways) => {
    const { app, database, close } = await flowsOn(ways)
    const board = new Board(database)
    const flows = { one: linear('one', {}, [task('step', { execute: () => 1 })]) }
    const wakeUps = new WakeUps(app.broker(), { board: board.name })
    const conductor = new Conductor(board, { flows, wakeUps })
    return {
      start: () => conductor.start(),
      stop: () => conductor.stop({ graceMs: 0 }),
      close,
    }
  },
  'relay of remote steps': async (ways) => {
    const { app, database, close } = await flowsOn(ways)
    const relay = new RemoteRelay(new Board(database), { remotes: celeryRemotes(app) })
    return { start: () => relay.start(), stop: () => relay.stop(), close }
  },
  "relay of flows' events": async (ways) => {
    const { app, database, close } = await flowsOn(ways)
    const relay = new EventRelay(database, { app })
    return { start: () => relay.start(), stop: () => relay.stop(), close }
  },
  block: async ({ broker }) => {
    const same = operator((message: unknown) => message)
    const block = new Block('block', same, {
      listeners: [amqp.consume(broker.url, 'in', { codec: text() })],
      publishers: [amqp.publish(broker.url, 'out', { codec: text() })],
      logger: silentLogger,
    })
    return { start: () => block.start(), stop: () => block.stop({ graceMs: 0 }) }
  },
  'service of recipes': async ({ broker }) => {
    const service = new Subscribed({ transport: transportOn(broker) })
    return { start: () => service.start(), stop: () => service.stop() }
  },
}

class Subscribed extends CommonService {
  override async initializing(): Promise<void> {
    await this.transport.subscribe('in', () => undefined)
  }
}

const EACH = Object.entries(KINDS).map(([kind, make]) => ({ kind, make }))

test.each(EACH)(
  'a $kind that is stopped twice stops once, and leaves nothing open',
  async ({ make }) => {
    const ways = await openWays()
    const one = await make(ways)
    await one.start()
    await Promise.all([one.stop(), one.stop()])
    await one.stop()
    await expectClosed(one, ways)
  },
)

test.each(EACH)(
  'a $kind that is stopped during its start leaves nothing open',
  async ({ make }) => {
    const ways = await openWays()
    const one = await make(ways)
    const starting = one.start().catch(() => undefined) // some say that they were stopped
    await one.stop()
    await starting
    await expectClosed(one, ways)
  },
)

test.each(EACH)(
  'a $kind whose server is not there stops, and leaves nothing open',
  async ({ make }) => {
    const ways = await openWays()
    const one = await make(ways)
    cut(ways)
    const starting = one.start().catch(() => undefined)
    await Promise.race([starting, attempted()])
    const since = performance.now()
    await one.stop()
    await one.stop()
    await starting
    expect(performance.now() - since).toBeLessThan(SOON_MS)
    await restore(ways)
    await expectClosed(one, ways)
  },
  90_000,
)

test.each(EACH)(
  'a $kind that is stopped while it connects to servers that never answer ends soon, and leaves nothing open',
  async ({ make }) => {
    const ways = await openWays()
    const one = await make(ways)
    swallow(ways)
    const starting = one.start().catch(() => undefined)
    await Promise.race([starting, attempted()])
    const since = performance.now()
    await one.stop().catch(() => undefined) // a database that swallows questions is an error of some
    await starting
    expect(performance.now() - since).toBeLessThan(DATABASE_MS)
    drop(ways)
    await restore(ways)
    await expectClosed(one, ways)
  },
  90_000,
)

test.each(EACH)(
  'a $kind that is stopped while it connects to a RabbitMQ that never answers ends soon, and leaves nothing open',
  async ({ make }) => {
    const ways = await openWays()
    const one = await make(ways)
    ways.broker.swallowAll()
    const starting = one.start().catch(() => undefined)
    await Promise.race([starting, attempted()])
    const since = performance.now()
    await one.stop()
    await starting
    expect(performance.now() - since).toBeLessThan(SOON_MS)
    ways.broker.drop()
    await restore(ways)
    await expectClosed(one, ways)
  },
  90_000,
)

test.each(EACH)(
  'a $kind whose servers have died stops, and leaves nothing open',
  async ({ make }) => {
    const ways = await openWays()
    const one = await make(ways)
    await one.start()
    cut(ways)
    // That it could not say good-bye is an error of some.
    await Promise.allSettled([one.stop(), one.stop()])
    await restore(ways)
    await expectClosed(one, ways)
  },
  90_000,
)

/** Far less than any of them waits for a RabbitMQ. */
const SOON_MS = 4_000
/** A question that a database does not answer is given up after five seconds. */
const DATABASE_MS = 8_000

/** Servers of the test's own, each by a way that can be cut. */
async function openWays(): Promise<Ways> {
  const [vhost, url] = [await freshVhost(), await migratedDatabase()]
  const broker = openBroker(vhost)
  const queues = ['in', 'out'].map((name) => durableQueue(name))
  await broker.declare({ exchanges: [], queues, bindings: [] })
  await broker.close()
  return { broker: await silenceable(vhost.url, 5672), database: await silenceable(url, 5432) }
}

function cut({ broker, database }: Ways): void {
  broker.cut()
  database.cut()
}

function swallow({ broker, database }: Ways): void {
  broker.swallowAll()
  database.swallowAll()
}

function drop({ broker, database }: Ways): void {
  broker.drop()
  database.drop()
}

async function restore({ broker, database }: Ways): Promise<void> {
  await broker.restore()
  await database.restore()
}

/** Long enough for a first attempt to be refused: nothing listens there. */
async function attempted(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 200))
}

async function expectClosed(one: Runs, { broker, database }: Ways): Promise<void> {
  await waitFor('nobody to listen', async () => (await listeners(database)) === 0, SHOWN)
  await one.close?.()
  await waitFor('no connection', () => broker.open() + database.open() === 0)
  expect(broker.open() + database.open()).toBe(0)
}

/** Every ten seconds one that listens asks something else, and is not known by its query any more. */
const SHOWN = { deadlineMs: 8_000 }

/** Connections on which somebody waits for notifications of that database. */
async function listeners({ url }: Silenceable): Promise<number> {
  await using database = await openDatabase({ url })
  const [row] = await database.query<{ count: number }>(
    `SELECT count(*)::int FROM pg_stat_activity
     WHERE datname = current_database() AND query LIKE 'LISTEN %'`,
  )
  return row?.count ?? 0
}

function configOn({ url }: Silenceable): Config {
  return new Config({
    queues: ['export'],
    broker_url: url,
    result_backend: 'disabled://',
    dotenv: false,
    environment: {},
  })
}

function appOn(broker: Silenceable): CeleryApp {
  const app = createApp(configOn(broker))
  onTestFinished(() => app.close())
  return app
}

async function flowsOn(
  ways: Ways,
): Promise<{ app: CeleryApp; database: Database; close: () => Promise<unknown> }> {
  const app = appOn(ways.broker)
  const database = await openDatabase({ url: ways.database.url })
  return { app, database, close: () => Promise.all([app.close(), database.close()]) }
}

function transportOn({ url }: Silenceable): PikaTransport {
  const { hostname, port, username, password, pathname } = new URL(url)
  return new PikaTransport({
    host: hostname,
    port: Number(port),
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
    vhost: decodeURIComponent(pathname.slice(1)),
  })
}
