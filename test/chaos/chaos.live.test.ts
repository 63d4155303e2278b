import { join } from 'node:path'
import { Client } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { type CeleryApp, chain, chord } from '../../src/index.ts'
import { freshServers, liveApp, type Servers } from '../support/live-app.ts'
import { type Process, startCli } from '../support/processes.ts'
import { startPythonWorker } from '../support/python-celery.ts'
import { Faults, type Victim } from './faults.ts'

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
    const database = await effectsTable(servers.databaseUrl)
    const app = liveApp(servers, { task_acks_late: true })
    for (const name of ['chaos.step', 'chaos.member', 'chaos.body']) app.task(name, () => undefined)
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
    await expectEffects(database, faults)
  },
  TIMEOUT_MS,
)

interface Effect {
  readonly kind: string
  readonly number: number
  readonly part: number
  /** When it ran, in milliseconds. */
  readonly times: readonly number[]
}

/**
 * Each step, member and body has run; again only where it was in flight when a fault came. A step that runs again publishes the
 * next one again: what follows it in its chain may run as often.
 */
async function expectEffects(database: Client, faults: Faults): Promise<void> {
  const { rows } = await database.query<Effect>(
    `select kind, number, part, array_agg(extract(epoch from at)::float8 * 1000 order by at) as times
     from effects group by kind, number, part`,
  )
  const repeated = rows.filter(({ times }) => times.length > 1)
  const count = (kind: string, of = rows) => of.filter((row) => row.kind === kind).length
  console.log(
    `chaos: ${faults.summary()}; repeated: ${count('chain', repeated)} of ${count('chain')} steps, ` +
      `${count('member', repeated)} of ${count('member')} members, ${count('body', repeated)} of ${count('body')} bodies`,
  )
  expect(count('chain')).toBe(CHAINS * STEPS)
  expect(count('member')).toBe(CHORDS * MEMBERS)
  expect(count('body')).toBe(CHORDS)
  const isExplained = ({ kind, number, part, times }: Effect): boolean => {
    const [first = 0, second = 0] = times
    if (faults.happenedBetween(first, second)) return true
    return repeated.some(
      (other) =>
        kind === 'chain' &&
        other.kind === kind &&
        other.number === number &&
        other.part === part - 1,
    )
  }
  expect(repeated.filter((effect) => !isExplained(effect))).toEqual([])
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
      concurrency: 2,
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

async function effectsTable(url: string): Promise<Client> {
  const client = new Client({ connectionString: url })
  await client.connect()
  onTestFinished(() => client.end())
  await client.query(
    `create table effects (kind text not null, number int not null, part int not null,
       at timestamptz not null default clock_timestamp())`,
  )
  return client
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n)
}
