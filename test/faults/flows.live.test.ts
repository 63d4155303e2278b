import {
  Board,
  Conductor,
  celeryRemotes,
  linear,
  RemoteRelay,
  remote,
  task,
  times,
  WakeUps,
} from 'celery-toolbox/flows'
import { expect, onTestFinished, test } from 'vitest'
import { sleep } from '../../src/async/sleep.ts'
import type { CeleryApp } from '../../src/create-app.ts'
import type { Database } from '../../src/database/database.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { startWorker } from '../support/embedded-app.ts'
import { freshServers, liveApp } from '../support/live-app.ts'
import { migratedDatabase } from '../support/postgres.ts'
import { startBroker, stopBroker } from '../support/rabbitmqctl.ts'
import { waitFor } from '../support/wait-for.ts'

/** Shorter than a restart of the broker: its moment comes while the broker is away. 30 s by `npm run test:flow-delays`. */
const DELAY_MS = Number(process.env.FLOW_DELAY_MS ?? 4_000)
const PATIENCE = { timeoutMs: DELAY_MS + 60_000 }

/** A board that wakes no conductor by itself: only the broker does. */
class TimelessBoard extends Board {
  override async waitForNews(_withinMs: number, signal: AbortSignal): Promise<void> {
    await sleep(3_600_000, signal).catch(() => undefined) // aborted: there are news
  }
}

class CountedWakeUps extends WakeUps {
  asked = 0

  override async ask(...job: Parameters<WakeUps['ask']>): Promise<void> {
    await super.ask(...job)
    this.asked += 1
  }
}

test('what waits for its moment while the broker restarts runs once the broker is back, not early and once', async () => {
  const app = liveApp(await freshServers(), { task_acks_late: true })
  const ranAt: number[] = []
  app.task('export.note', () => void ranAt.push(Date.now()))
  await app.setUp()
  await startWorker(app)
  const database = await openDatabase({ url: await migratedDatabase() })
  onTestFinished(() => database.close())
  const board = new Board(database)
  const remotes = celeryRemotes(app)
  const later = linear('later', {}, [
    task('first', { execute: remote('export.note') }),
    task('later', { execute: remote('export.note'), delayMs: DELAY_MS }),
  ])
  const conductor = new Conductor(board, { flows: { later }, engine: { remotes } })
  const relay = new RemoteRelay(board, { remotes, everyMs: 100 })
  await conductor.start()
  await relay.start()
  onTestFinished(async () => {
    await conductor.stop()
    await relay.stop()
  })
  const job = await board.post(later)
  await waitFor('a flow that waits for its moment', async () => {
    const { runAt } = (await board.find(job.uuid)) ?? {}
    return ranAt.length === 1 && runAt !== null && (runAt?.getTime() ?? 0) > Date.now()
  })
  const endOfOthers = await waitWithTheBroker(app, database)
  await stopBroker()
  await startBroker()
  expect(await board.waitForJob(job.uuid, PATIENCE)).toBe(true)
  const [first = 0, second = 0] = ranAt
  expect([ranAt.length, second - first >= DELAY_MS]).toEqual([2, true])
  expect((await board.store.load(job.flowId))?.flow.state).toBe('SUCCESS')
  await endOfOthers()
}, 200_000)

/** A delayed step and a retry with a delay, of which only the broker says when they are due. */
async function waitWithTheBroker(app: CeleryApp, database: Database): Promise<() => Promise<void>> {
  const board = new TimelessBoard(database, { name: 'timeless' })
  const delayedAt: number[] = []
  const triedAt: number[] = []
  const tryTwice = (): void => {
    if (triedAt.push(Date.now()) === 1) throw new Error('not yet')
  }
  const retry = times('attempts', { attempts: 2, delay: { delayMs: DELAY_MS } })
  const note = (): void => void delayedAt.push(Date.now())
  const flows = {
    delayed: linear('delayed', {}, [
      task('first', { execute: note }),
      task('second', { execute: note, delayMs: DELAY_MS }),
    ]),
    retried: linear('retried', { retry }, [task('tried', { execute: tryTwice })]),
  }
  const wakeUps = new CountedWakeUps(app.broker(), { board: board.name })
  for (const conductor of [1, 2].map(() => new Conductor(board, { flows, wakeUps }))) {
    await conductor.start()
    onTestFinished(() => conductor.stop())
  }
  const jobs = [await board.post(flows.delayed), await board.post(flows.retried)]
  await waitFor('wake-ups with the broker', () => wakeUps.asked === jobs.length)
  return async () => {
    for (const { uuid } of jobs) expect(await board.waitForJob(uuid, PATIENCE)).toBe(true)
    for (const [before = 0, ...after] of [delayedAt, triedAt])
      expect([after.length, (after[0] ?? 0) - before >= DELAY_MS]).toEqual([1, true])
  }
}
