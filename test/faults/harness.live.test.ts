import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { freshServers, liveApp, migratedDatabase } from '../support/live-app.ts'
import { service } from '../support/services.ts'
import { waitFor } from '../support/wait-for.ts'
import { Accountant, type Struck } from './harness/accountant.ts'
import { faultsFor } from './harness/faults.ts'
import { kill } from './harness/process-faults.ts'
import { Seeds } from './harness/seeds.ts'
import {
  CONSUMERS,
  heldOpen,
  QUEUES,
  readLedger,
  type Site,
  setClock,
  startProxies,
  startVictims,
} from './harness/services.ts'
import { smallDisk } from './harness/small-disk.ts'
import type { Targets } from './harness/targets.ts'

/** `npm run test:faults -- --seeds N --minutes M` is the long form. */
const RUNS = Number(process.env.FAULTS_SEEDS ?? 1)
const MINUTES = Number(process.env.FAULTS_MINUTES ?? 0.15)
const FIRST = Number(process.env.FAULTS_FIRST_SEED ?? Date.now() % 1_000_000)

test.each(Array.from({ length: RUNS }, (_, run) => FIRST + run))(
  'nothing accepted is lost, left, unrecorded or held open after the faults of seed %d',
  async (seed) => {
    const servers = await freshServers(QUEUES)
    const disk = await smallDisk(servers.databaseUrl)
    const database = await migratedDatabase(servers.databaseUrl)
    const folder = mkdtempSync(join(tmpdir(), 'celery-toolbox-harness-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const site: Site = { servers, proxies: await startProxies(servers), folder }
    const problems: string[] = []
    const targets: Targets = {
      ...site,
      ...servers,
      disk,
      victims: await startVictims(site),
      redis: openRedis(),
      sql: async (text) => database.query(text),
      setClock: (victim, aheadMs) => setClock(folder, victim, aheadMs),
      complain: (problem) => problems.push(problem),
    }
    const app = liveApp(servers)
    const accountant = new Accountant({
      database,
      broker: await app.readyBroker(),
      consumers: CONSUMERS,
      targets,
      ledger: () => readLedger(folder),
      held: () => heldOpen(site),
    })

    await wait(3_000) // some work without faults
    const before = await heldOpen(site)
    const struck = await strikeFor(MINUTES * 60_000, targets, new Seeds(seed))
    await stopProducers(targets)
    await startPythonWorkerAnew(targets)
    const { accepted, repeats, ...account } = await accountant.account(struck, before)
    const names = struck.map(({ name }) => name).join(', ')
    console.log(
      `faults: seed ${seed}: ${names}; ${accepted} accepted, ${repeats} repeats; ${JSON.stringify(account)}`,
    )
    expect({ problems, ...account }).toEqual({
      problems: [],
      unrecorded: [],
      unfinished: [],
      neverRan: [],
      unexplained: [],
      messagesLeft: {},
      consumersMissing: [],
      spinning: [],
      leaks: [],
    })
    expect(accepted).toBeGreaterThan(0)
    await expectNobodyDeaf(app, folder)
  },
  MINUTES * 60_000 + 400_000,
)

/** One fault after the other, each once before any comes again; a pause in between. */
async function strikeFor(ms: number, targets: Targets, seeds: Seeds): Promise<readonly Struck[]> {
  const endsAt = performance.now() + ms
  const faults = faultsFor(targets)
  const struck: Struck[] = []
  while (performance.now() < endsAt) {
    for (const name of seeds.shuffled(Object.keys(faults))) {
      if (performance.now() >= endsAt) break
      const from = Date.now()
      await faults[name]?.(targets, seeds)
      struck.push({ name, from, to: Date.now() })
      await wait(seeds.between(200, 1_500))
    }
  }
  return struck
}

/** They are no part of what is idle afterwards. */
async function stopProducers({ victims }: Targets): Promise<void> {
  const producers = victims.filter(({ endsGracefully }) => !endsGracefully)
  await Promise.all(producers.map(({ process }) => process.stop('SIGKILL')))
}

/** It may hang for minutes after a loss, or for good: that is not what is tried here. */
async function startPythonWorkerAnew({ victims }: Targets): Promise<void> {
  for (const victim of victims) if (victim.name === 'Python worker') await kill(victim)
}

/** After all of that, one call more for each worker runs at once. */
async function expectNobodyDeaf(app: ReturnType<typeof liveApp>, folder: string): Promise<void> {
  const calls = await Promise.all(QUEUES.map((queue) => app.sendTask(`${queue}.step`, [1])))
  const ran = () =>
    readLedger(folder)
      .filter(({ what }) => what === 'end')
      .map(({ id }) => id)
  await waitFor(
    'one call more in each queue to run',
    () => calls.every(({ id }) => ran().includes(id)),
    { deadlineMs: 10_000 },
  )
}

function openRedis(): Targets['redis'] {
  const redis = new Redis(service('REDIS_URL'))
  redis.on('error', () => undefined) // its connection may be ended by a fault
  onTestFinished(() => redis.disconnect())
  return { ask: async ([name = '', ...args]) => redis.call(name, ...args) }
}
