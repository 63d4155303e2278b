import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import type { ConfigOptions } from '../../../src/config/config.ts'
import { ControlTable } from '../../../src/control/control-table.ts'
import type { CeleryApp } from '../../../src/create-app.ts'
import type { Database } from '../../../src/database/database.ts'
import { silentLogger } from '../../../src/logger.ts'
import { startWorker } from '../../support/embedded-app.ts'
import { migratedDatabase } from '../../support/live-app.ts'
import { freshSqsPlace, type SqsPlace, sqsApp } from '../../support/sqs-app.ts'
import { waitFor } from '../../support/wait-for.ts'

interface Controlled {
  readonly place: SqsPlace
  readonly database: Database
  readonly app: CeleryApp
  /** As another process sees them. */
  readonly client: CeleryApp
}

test('workers on SQS answer inspect and control, each by its name', async () => {
  const { app, client } = await controlled()
  app.task('export.add', async (x: number, y: number) => x + y)
  await startWorker(app, { name: 'w1@test', queues: ['export'] })
  await startWorker(app, { name: 'w2@test', queues: ['export'] })
  const ping = await client.control.ping({ limit: 2 })
  expect(ping).toHaveLength(2)
  expect(Object.assign({}, ...ping)).toEqual({
    'w1@test': { ok: 'pong' },
    'w2@test': { ok: 'pong' },
  })
  expect(await client.control.inspect({ destination: 'w2@test' }).registered()).toMatchObject({
    'w2@test': expect.arrayContaining(['export.add']),
  })
  const limited = await client.control.rateLimit('export.add', '10/m', {
    reply: true,
    destination: ['w1@test'],
  })
  expect(limited).toEqual([{ 'w1@test': { ok: 'new rate limit set successfully' } }])
})

test('a task that runs is revoked within two seconds, and is REVOKED for its caller', async () => {
  const { app, client } = await controlled()
  const ended: unknown[] = []
  const long = app.task('export.long', { bind: true }, async (self) => {
    await sleep(30_000, undefined, { signal: self.signal }).catch((error) => ended.push(error))
  })
  await startWorker(app, { queues: ['export'] })
  const result = await long.delay()
  await waitFor('it to run', async () => (await result.status()) === 'STARTED')
  const revokedAt = performance.now()
  await client.control.revoke(result.id, { terminate: true })
  await waitFor('its end', () => ended.length === 1)
  expect(performance.now() - revokedAt).toBeLessThan(2_000)
  await waitFor('its state', async () => (await result.status()) === 'REVOKED')
})

test('what was revoked while no worker ran is not run by one that starts later', async () => {
  const { app, client } = await controlled({ task_acks_late: true })
  const runs: number[] = []
  const note = app.task('export.note', async (n: number) => void runs.push(n))
  const [one, two] = [await note.delay(1), await note.delay(2)]
  await note.s(3).stamp({ tenant: 'seven' }).applyAsync()
  await client.control.revoke(one.id)
  await client.control.revokeByStampedHeaders({ tenant: 'seven' })
  await startWorker(app, { queues: ['export'] })
  await two.get({ timeoutMs: 10_000 })
  await waitFor('the revoked one', async () => (await one.status()) === 'REVOKED')
  await sleep(500)
  expect(runs).toEqual([2])
})

test('workers of other queues in the same database hear nothing', async () => {
  const { place, app, client } = await controlled()
  await startWorker(app, { name: 'w1@test', queues: ['export'] })
  const other = sqsApp(place, { QUEUE_PREFIX: `${place.space.prefix}other` })
  expect(await other.control.ping({ timeoutMs: 500 })).toEqual([])
  expect(await client.control.ping({ limit: 1 })).toHaveLength(1)
})

test('workers hold an election, and one of them calls the task', async () => {
  const { app, client } = await controlled()
  const runs: number[] = []
  app.task('export.note', async (n: number) => void runs.push(n))
  await startWorker(app, { name: 'w1@test', queues: ['export'] })
  await startWorker(app, { name: 'w2@test', queues: ['export'] })
  const action = { task: 'export.note', args: [1], kwargs: {}, options: {} }
  await client.control.election('one', 'task', action)
  await waitFor('the call', () => runs.length === 1)
  await sleep(500)
  expect(runs).toEqual([1])
})

test('where no notification arrives, a command is found by looking', async () => {
  const { database } = await controlled()
  const deaf = new Proxy(database, {
    get: (target, name) =>
      name === 'listen'
        ? () => Promise.resolve(() => Promise.resolve())
        : Reflect.get(target, name).bind(target),
  })
  const table = new ControlTable({ database: deaf, space: 'dev-', logger: silentLogger })
  const heard: string[] = []
  await table.declare({
    exchanges: [],
    queues: [],
    bindings: [{ exchange: 'x', queue: 'mine', routingKey: '' }],
  })
  const subscription = await table.consume('mine', { prefetch: 0 }, ({ message }) => {
    heard.push(message.body.toString())
  })
  onTestFinished(() => subscription.close())
  const sent = (text: string) => ({ headers: {}, properties: {}, body: Buffer.from(text) })
  await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      table.publish(sent(String(n)), { exchange: n % 2 ? 'x' : 'y', routingKey: '' }),
    ),
  )
  await waitFor('the ten for this exchange', () => heard.length === 10, { deadlineMs: 2_000 })
  await database.query(`UPDATE monitor.control SET expires_at = now() - interval '1 second'`)
  await table.publish(sent('last'), { exchange: 'x', routingKey: '' })
  await waitFor('the last', () => heard.at(-1) === 'last')
  expect(await database.query('SELECT id FROM monitor.control')).toHaveLength(1)
})

test('without any database a command says what is missing, and a worker works nonetheless', async () => {
  const place = await freshSqsPlace()
  const app = sqsApp(place, { result_backend: 'disabled://' })
  await startWorker(app, { queues: ['export'] })
  await expect(app.control.ping()).rejects.toMatchObject({
    code: 'CONTROL_UNAVAILABLE',
    message: expect.stringContaining('CONTROL_DATABASE'),
  })
})

async function controlled(settings: Partial<ConfigOptions> = {}): Promise<Controlled> {
  const place = await freshSqsPlace()
  const database = await migratedDatabase(place.databaseUrl)
  return { place, database, app: sqsApp(place, settings), client: sqsApp(place, settings) }
}
