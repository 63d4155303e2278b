import { expect, onTestFinished, test } from 'vitest'
import type { CeleryApp } from '../../src/create-app.ts'
import type { Database } from '../../src/database/database.ts'
import { migrateUp } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { Monitor } from '../../src/monitor/monitor.ts'
import { disagreements, Ledger } from '../support/ledger.ts'
import { freshServers, liveApp, type Servers } from '../support/live-app.ts'
import { startNodePod, startPythonPod } from '../support/pods.ts'
import type { Process } from '../support/processes.ts'
import { service } from '../support/services.ts'
import { waitFor } from '../support/wait-for.ts'

/** npm run test:deploys takes twenty minutes; npm test one round. */
const MINUTES = Number(process.env.DEPLOY_MINUTES ?? 0)
const LONGEST_S = MINUTES > 0 ? 120 : 9

test('rolling deploys run no task twice, and each task of a killed worker is found and replayed once', {
  timeout: MINUTES * 60_000 + 400_000,
}, async () => {
  const field = await openField()
  const until = Date.now() + MINUTES * 60_000
  do await round(field)
  while (Date.now() < until)
  const accounts = {
    killed: field.killed,
    cold: field.cold,
    silent: new Set(['silent@pods']),
    untold: new Set(['python.give_up']),
  }
  await waitFor(
    'the record to agree with the ledger',
    async () => {
      expect(await disagreements(field.database, field.ledger, accounts)).toEqual([])
      return true
    },
    { deadlineMs: 60_000 + LONGEST_S * 1000, everyMs: 500 },
  )
  expect(field.killed.size).toBeGreaterThan(0)
})

interface Field {
  readonly servers: Servers
  readonly app: CeleryApp
  readonly database: Database
  readonly ledger: Ledger
  /** Names of the workers that were killed. */
  readonly killed: Set<string>
  /** Of these the ones of Python that were stopped cold. */
  readonly cold: Set<string>
  /** The pods of the latest deploy. */
  pods: { python: Pod; node: Pod }
  deploys: number
}

interface Pod {
  readonly name: string
  readonly process: Process
}

async function openField(): Promise<Field> {
  const servers = await freshServers(['export', 'python'])
  const api = service('RABBITMQ_API_URL')
  const app = liveApp(servers, { RABBITMQ_API_URL: api, RECONCILE: { '*': 'replay' } })
  const database = await openDatabase({ url: servers.databaseUrl })
  onTestFinished(() => database.close())
  await migrateUp(database)
  const reconcile = { everyMs: 1000, graceMs: 3000, missedHeartbeats: 4 }
  const parts = { broker: app.broker(), database, config: app.config, states: { reconcile } }
  const monitor = new Monitor(parts)
  onTestFinished(() => monitor.stop())
  await monitor.start()
  const ledger = new Ledger()
  const known = {
    servers,
    app,
    database,
    ledger,
    killed: new Set<string>(),
    cold: new Set<string>(),
    deploys: 0,
  }
  await startPython(known, 'silent@pods', [])
  const [python, node] = await deployed(known)
  return { ...known, pods: { python, node } }
}

/** Tasks run while the pods are replaced, by a warm stop; then those of a pod that is killed. */
async function round(field: Field): Promise<void> {
  const before = await send(field)
  await waitFor('tasks to run', () => before.some((id) => isRunning(field, id)), {
    deadlineMs: 30_000,
  })
  const old = field.pods
  for (const { process } of [old.python, old.node]) process.kill('SIGTERM')
  field.deploys += 1
  const [python, node] = await deployed(field)
  field.pods = { python, node }
  await waitFor('the tasks of the old pods to end', () => before.every((id) => isOver(field, id)), {
    deadlineMs: LONGEST_S * 4000 + 30_000,
  })
  await killOne(field)
  await stopCold(field)
}

async function killOne(field: Field): Promise<void> {
  const { name, process: victim } = field.pods.python
  const ids = await Promise.all([1, 2, 3, 4].map(() => pay(field, 'python.pay', LONGEST_S)))
  await waitFor('a task of the pod to run', () =>
    ids.some((id) => field.ledger.runs(id).some(({ worker }) => worker === name)),
  )
  // Its connection is noted by then, as that of any pod that lives longer than some seconds.
  field.killed.add(name)
  process.kill(-victim.pid, 'SIGKILL')
  field.deploys += 1
  const python = await startPython(field, `python-${field.deploys}@pods`, ['-E'])
  field.pods = { ...field.pods, python }
}

/** As a platform does that does not wait: what runs is cut off, though its workers announce their stop. */
async function stopCold(field: Field): Promise<void> {
  const { python, node } = field.pods
  const ids = await Promise.all([
    ...[1, 2].map(() => pay(field, 'python.pay', LONGEST_S)),
    ...[1, 2].map(() => pay(field, 'export.pay', LONGEST_S)),
  ])
  for (const { name } of [python, node]) {
    await waitFor(`a task of ${name} to run`, () =>
      ids.some((id) => field.ledger.runs(id).some(({ worker }) => worker === name)),
    )
    field.killed.add(name)
  }
  field.cold.add(python.name)
  python.process.kill('SIGQUIT')
  node.process.kill('SIGTERM')
  node.process.kill('SIGTERM')
  field.deploys += 1
  const [newPython, newNode] = await deployed(field)
  field.pods = { python: newPython, node: newNode }
}

async function deployed(field: Omit<Field, 'pods'>): Promise<[Pod, Pod]> {
  return await Promise.all([
    startPython(field, `python-${field.deploys}@pods`, ['-E']),
    startNode(field, `node-${field.deploys}@pods`),
  ])
}

async function startPython(
  { servers, ledger }: Omit<Field, 'pods'>,
  name: string,
  args: readonly string[],
): Promise<Pod> {
  return { name, process: await startPythonPod(servers, ledger, { name, args }) }
}

async function startNode({ servers, ledger }: Omit<Field, 'pods'>, name: string): Promise<Pod> {
  return { name, process: await startNodePod(servers, ledger, name) }
}

async function send(field: Field): Promise<string[]> {
  const seconds = [1, LONGEST_S / 2, LONGEST_S]
  return await Promise.all([
    ...seconds.map((s) => pay(field, 'python.pay', s)),
    ...seconds.map((s) => pay(field, 'export.pay', s)),
    pay(field, 'python.give_up'),
  ])
}

async function pay({ app }: Field, name: string, ...args: number[]): Promise<string> {
  const { id } = await app.sendTask(name, args)
  return id
}

function isRunning({ ledger }: Field, id: string): boolean {
  return ledger.runs(id).length > 0 && !ledger.hasEnded(id)
}

function isOver({ ledger }: Field, id: string): boolean {
  return ledger.hasEnded(id)
}
