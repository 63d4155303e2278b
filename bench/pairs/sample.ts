// sample.ts BUILD KIND AMQP_URL DATABASE_URL: prints the microseconds of CPU that this build takes for a message.
import { join } from 'node:path'
import type * as Toolbox from 'celery-toolbox'
import type * as MonitorOfToolbox from 'celery-toolbox/monitor'

const [build = '', kind = '', amqpUrl = '', databaseUrl = ''] = process.argv.slice(2)
const WINDOW = 200
const MESSAGES = 20_000
const CHORDS = 8
const MEMBERS = 1_000

// The public interface, which both builds have.
const toolbox = (await import(join(build, 'dist/src/index.js'))) as typeof Toolbox
const { chord, Config, createApp, group } = toolbox

const app = createApp(
  new Config({
    queues: ['export'],
    broker_url: amqpUrl,
    result_backend: kind === 'chord' ? process.env.REDIS_URL : 'disabled://',
    task_ignore_result: kind !== 'chord',
    dotenv: false,
    environment: {},
  }),
)
let ran = 0
const add = app.task('export.add', (x: number, y: number) => {
  ran += 1
  return x + y
})
const total = app.task('export.total', (values: readonly number[]) => values.length)
await app.setUp()
const worker = app.worker({ queues: ['export', 'celery'], concurrency: 100 })

const measures: Readonly<Record<string, () => Promise<number>>> = {
  publish: async () => {
    await publish(WINDOW * 10)
    return await cpuOf(MESSAGES, async () => publish(MESSAGES))
  },
  consume: async () => {
    await publish(MESSAGES + WINDOW * 10)
    await worker.start()
    await hasRun(WINDOW * 10)
    const before = ran
    return await cpuOf(MESSAGES + WINDOW * 10 - before, async () => hasRun(MESSAGES + WINDOW * 10))
  },
  ingest: async () => {
    const { migrateUp, Monitor, openDatabase }: typeof MonitorOfToolbox = await import(
      join(build, 'dist/src/monitor/index.js')
    )
    await migrateUp(databaseUrl)
    await publish(MESSAGES + WINDOW * 10)
    const database = await openDatabase({ url: databaseUrl })
    const monitor = new Monitor({ broker: app.broker(), database, config: app.config })
    const recorded = (): number => monitor.stats().messages
    await monitor.start()
    await until(() => recorded() >= WINDOW * 10)
    const before = recorded()
    const all = MESSAGES + WINDOW * 10
    return await cpuOf(all - before, async () => until(() => recorded() >= all))
  },
  chord: async () => {
    await worker.start()
    await oneChord()
    return await cpuOf(CHORDS * MEMBERS, async () => {
      for (let n = 0; n < CHORDS; n += 1) await oneChord()
    })
  },
}
const measure = measures[kind]
if (measure === undefined) throw new Error(`no measure is named "${kind}"`)
console.log(await measure())
process.exit(0)

async function publish(count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += WINDOW) {
    await Promise.all(Array.from({ length: WINDOW }, async () => add.delay(2, 3)))
  }
}

async function hasRun(count: number): Promise<void> {
  await until(() => ran >= count)
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5))
}

async function oneChord(): Promise<void> {
  const members = Array.from({ length: MEMBERS }, (_, n) => add.s(n, n))
  const result = await chord(group(members), total.s()).applyAsync()
  await result.get({ timeoutMs: 60_000 })
}

async function cpuOf(messages: number, work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / messages
}
