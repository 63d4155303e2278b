import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { onTestFinished } from 'vitest'
import type { CeleryApp } from '../../../src/create-app.ts'
import { freshServers, liveApp, migratedDatabase } from '../../support/live-app.ts'
import { service } from '../../support/services.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type Account, Accountant, type Struck } from './accountant.ts'
import { faultsFor } from './faults.ts'
import { kill } from './process-faults.ts'
import { Seeds } from './seeds.ts'
import {
  CONSUMERS,
  heldOpen,
  QUEUES,
  readLedger,
  type Site,
  setClock,
  startProxies,
  startVictims,
} from './services.ts'
import { smallDisk } from './small-disk.ts'
import type { Targets } from './targets.ts'

export interface RunOptions {
  readonly seed: number
  readonly minutes: number
  /** The faults to strike with, by name. Default: all. */
  readonly strikes?: (fault: string, targets: Targets) => boolean
  /** A queue whose tasks are run, and not accounted for. */
  readonly except?: string
  /** Told where the processes are, once they run; what it returns is called when the faults are over. */
  readonly watch?: (site: Site) => () => void
}

/** What one run found. */
export interface Findings extends Account {
  readonly struck: readonly Struck[]
  readonly problems: readonly string[]
}

/** Producers, workers and a monitor under faults in the order of a seed; answers what was found when all was quiet again. */
export async function runFaults(options: RunOptions): Promise<Findings> {
  const { seed, minutes, strikes, watch } = options
  const problems: string[] = []
  const { app, site, targets, accountant } = await startRun(options, problems)
  await wait(3_000) // some work without faults
  const before = await heldOpen(site)
  const endWatch = watch?.(site)
  const struck = await strikeFor(minutes * 60_000, targets, {
    seeds: new Seeds(seed),
    strikes,
  }).finally(endWatch)
  await stopProducers(targets)
  await startPythonWorkerAnew(targets)
  const account = await accountant.account(struck, before)
  const deaf = await whoIsDeaf(app, options, site.folder)
  return { ...account, struck, problems: [...problems, ...deaf] }
}

async function startRun({ minutes, except }: RunOptions, problems: string[]) {
  const servers = await freshServers(QUEUES)
  const disk = await smallDisk(servers.databaseUrl, { minutes })
  const database = await migratedDatabase(servers.databaseUrl)
  const folder = mkdtempSync(join(tmpdir(), 'celery-toolbox-harness-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const site: Site = { servers, proxies: await startProxies(servers), folder }
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
    consumers: Object.fromEntries(Object.entries(CONSUMERS).filter(([queue]) => queue !== except)),
    targets,
    ledger: () => readLedger(folder).filter(({ name }) => !name.startsWith(`${except}.`)),
    held: () => heldOpen(site),
  })
  return { app, site, targets, accountant }
}

/** One fault after the other, each once before any comes again; a pause in between. */
async function strikeFor(
  ms: number,
  targets: Targets,
  { seeds, strikes }: { readonly seeds: Seeds; readonly strikes: RunOptions['strikes'] },
): Promise<readonly Struck[]> {
  const endsAt = performance.now() + ms
  const faults = faultsFor(targets)
  const names = Object.keys(faults).filter((name) => strikes?.(name, targets) ?? true)
  const struck: Struck[] = []
  while (performance.now() < endsAt) {
    for (const name of seeds.shuffled(names)) {
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
async function whoIsDeaf(
  app: CeleryApp,
  { except }: RunOptions,
  folder: string,
): Promise<readonly string[]> {
  const calls = await Promise.all(
    QUEUES.filter((queue) => queue !== except).map(async (queue) => ({
      queue,
      ...(await app.sendTask(`${queue}.step`, [1])),
    })),
  )
  const deaf = () => {
    const ended = readLedger(folder).filter(({ what }) => what === 'end')
    return calls.filter(({ id }) => !ended.some((line) => line.id === id))
  }
  await waitFor('one call more in each queue to run', () => deaf().length === 0, {
    deadlineMs: 10_000,
  }).catch(() => undefined)
  return deaf().map(({ queue }) => `a call in queue ${queue} does not run`)
}

function openRedis(): Targets['redis'] {
  const redis = new Redis(service('REDIS_URL'))
  redis.on('error', () => undefined) // its connection may be ended by a fault
  onTestFinished(() => redis.disconnect())
  return { ask: async ([name = '', ...args]) => redis.call(name, ...args) }
}

/** What a run finds where nothing is wrong. */
export const CLEAN: Omit<Findings, 'accepted' | 'repeats' | 'struck'> = {
  problems: [],
  unrecorded: [],
  unfinished: [],
  neverRan: [],
  unexplained: [],
  messagesLeft: {},
  consumersMissing: [],
  spinning: [],
  leaks: [],
}
