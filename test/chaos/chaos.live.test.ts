import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../../src/database/open-database.ts'
import { type CeleryApp, chain, chord } from '../../src/index.ts'
import { freshServers, liveApp, type Servers } from '../support/live-app.ts'
import { type Process, startCli } from '../support/processes.ts'
import { startPythonWorker } from '../support/python-celery.ts'
import { waitFor } from '../support/wait-for.ts'
import { Faults, type Victim } from './faults.ts'
import { listenToPublished, tableOfRuns } from './record.ts'
import { Verdict } from './verdict.ts'

/** CHAOS_CHAINS and CHAOS_CHORDS say how many, CHAOS_SEED repeats the order of faults of a run that printed it. */
const CHAINS = Number(process.env.CHAOS_CHAINS ?? 500)
const CHORDS = Number(process.env.CHAOS_CHORDS ?? 50)
const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000)

const STEPS = 5
const MEMBERS = 20
const TIMEOUT_MS = 170_000

test(
  `${CHAINS} chains and ${CHORDS} chords come to their right ends while workers are killed and the broker restarts (seed ${SEED})`,
  async () => {
    console.log(`chaos: seed ${SEED}`)
    const servers = await freshServers(['chaos', 'python'])
    const table = await tableOfRuns(servers.databaseUrl)
    const app = liveApp(servers, { task_acks_late: true })
    for (const name of ['chaos.step', 'chaos.member', 'chaos.body']) app.task(name, () => undefined)
    const published = await listenToPublished(app)
    const chains = await Promise.all(numbers(CHAINS).map(async (n) => startChain(app, n)))
    const chords = await Promise.all(numbers(CHORDS).map(async (n) => startChord(app, n)))

    const faults = new Faults(SEED, await startWorkers(servers))
    const going = faults.goOn()
    const options = { timeoutMs: TIMEOUT_MS - 30_000, intervalMs: 500 }
    const values = await Promise.allSettled(
      [...chains, ...chords].map(async (result) => result.get(options)),
    )
    faults.stop()
    await going

    const ends = values.map((end) => (end.status === 'fulfilled' ? end.value : end.reason))
    const total = (MEMBERS * (MEMBERS - 1)) / 2
    expect(ends).toEqual([...chains.map(() => STEPS), ...chords.map(() => total)])
    await waitFor('the last message', async () => {
      return (await app.broker().depth('platform.fifo')).messages === 0
    })
    judge(new Verdict(await table.all(), published, faults), faults)
    await expectReleases(servers.databaseUrl)
  },
  TIMEOUT_MS,
)

/** Each step, member and body has run, and again only what was in flight when its own worker was hit, or all were. */
function judge(verdict: Verdict, faults: Faults): void {
  const kinds = { step: CHAINS * STEPS, member: CHORDS * MEMBERS, body: CHORDS }
  const again = (of: readonly (readonly unknown[])[]) =>
    of.filter(({ length }) => length > 1).length
  for (const kind of ['step', 'member', 'body'] as const) {
    const histories = verdict.of(kind)
    const [ran, sent] = [histories.map(({ runs }) => runs), histories.map((own) => own.published)]
    console.log(
      `chaos: of ${histories.length} × ${kind} ${again(ran)} ran and ${again(sent)} were published more than once`,
    )
    expect(histories).toHaveLength(kinds[kind])
  }
  console.log(`chaos: ${faults.summary()}`)
  expect(verdict.unexplained()).toEqual([])
}

/** One row a chord says that it was released, once; and nothing is left to be released. */
async function expectReleases(databaseUrl: string): Promise<void> {
  const database = await openDatabase({ url: databaseUrl })
  onTestFinished(() => database.close())
  const rows = await database.query(
    `select count(*)::int as chords, count(*) filter (where group_id like 'unlock:%')::int as waited,
       count(released_at)::int as released, count(body)::int as left
     from celery_toolbox_chord`,
  )
  const waited = Math.floor(CHORDS / 2)
  expect(rows).toEqual([{ chords: CHORDS, waited, released: CHORDS, left: 0 }])
}

/** Odd chains begin in Python. */
async function startChain(app: CeleryApp, number: number) {
  const steps = numbers(STEPS).map((part) => {
    const task = (part + number) % 2 === 0 ? 'chaos.step' : 'python.step'
    return app.signature<number>(task, part === 0 ? [0, number, part] : [number, part])
  })
  return await chain(...steps).applyAsync()
}

/** Even chords are counted, their members being ours; odd ones are of both languages. */
async function startChord(app: CeleryApp, number: number) {
  const header = numbers(MEMBERS).map((part) => {
    const isPython = number % 2 === 1 && part % 2 === 1
    return app.signature(isPython ? 'python.member' : 'chaos.member', [number, part])
  })
  const body = app.signature(number % 4 < 2 ? 'chaos.body' : 'python.body', [number])
  return await chord(header, body).applyAsync()
}

async function startWorkers(servers: Servers): Promise<readonly Victim[]> {
  const node = async (): Promise<Process> => {
    const app = join(import.meta.dirname, 'chaos-app.ts')
    const worker = startCli(['worker', '-A', app, '-Q', 'chaos,celery', '-c', '5'], {
      env: { ...servers.env, CELERY_TASK_ACKS_LATE: 'True' },
    })
    await worker.waitForLine(/worker ready/, { deadlineMs: 60_000 })
    return worker
  }
  const python = async (): Promise<Process> =>
    await startPythonWorker({
      env: { ...servers.env, PYTHONPATH: join(import.meta.dirname, 'python') },
      app: 'chaos_app',
      queues: ['python'],
      pool: 'prefork',
      concurrency: 4,
      args: ['--without-mingle', '--without-gossip'],
    })
  const victims = [
    { name: 'Node worker', start: node },
    { name: 'other Node worker', start: node },
    { name: 'Python worker', start: python },
  ]
  return await Promise.all(
    victims.map(async (victim) => ({ ...victim, process: await victim.start() })),
  )
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n)
}
