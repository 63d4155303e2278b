import {
  Board,
  Conductor,
  celeryRemotes,
  linear,
  RemoteRelay,
  remote,
  task,
} from 'celery-toolbox/flows'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../../src/database/open-database.ts'
import { startWorker } from '../support/embedded-app.ts'
import { freshServers, liveApp } from '../support/live-app.ts'
import { migratedDatabase } from '../support/postgres.ts'
import { rabbitmqctl } from '../support/rabbitmqctl.ts'
import { waitFor } from '../support/wait-for.ts'

/** Shorter than a restart of the broker: its moment comes while the broker is away. */
const DELAY_MS = 4_000

test('a remote step whose moment comes while the broker restarts runs once the broker is back', async () => {
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
  const relay = new RemoteRelay(database, { board, remotes, everyMs: 100 })
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
  await rabbitmqctl('stop_app')
  await rabbitmqctl('start_app')
  expect(await board.waitForJob(job.uuid, { timeoutMs: 60_000 })).toBe(true)
  const [first = 0, second = 0] = ranAt
  expect([ranAt.length, second - first >= DELAY_MS]).toEqual([2, true])
  expect((await board.store.load(job.flowId))?.flow.state).toBe('SUCCESS')
}, 150_000)
