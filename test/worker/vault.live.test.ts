import { expect, onTestFinished, test } from 'vitest'
import { Config } from '../../src/config/index.ts'
import { type CeleryApp, createApp } from '../../src/create-app.ts'
import type { Vault } from '../../src/schedule/vault.ts'
import { EXPORT, message } from '../monitor/messages.ts'
import { migratedDatabase } from '../support/postgres.ts'
import { waitFor } from '../support/wait-for.ts'

test('a call with a countdown waits in the vault, and runs when it is due', async () => {
  const { app, vault } = await openPlace()
  const add = app.task('export.add', (x: number, y: number) => x + y)
  const calledAt = Date.now()
  const result = await add.applyAsync([2, 3], { countdown: 1.5 })
  expect(await vault.list()).toMatchObject([
    { taskId: result.id, name: 'export.add', route: EXPORT },
  ])
  expect((await app.broker().depth('export')).messages).toBe(0)
  await startWorker(app)
  expect(await result.get({ timeoutMs: 20_000 })).toBe(5)
  expect(Date.now() - calledAt).toBeGreaterThanOrEqual(1500)
  expect(await vault.size()).toBe(0)
})

test('a call without an eta, or due within a second, goes straight to the broker', async () => {
  const { app, vault } = await openPlace()
  await app.sendTask('export.add', [1, 2])
  await app.sendTask('export.add', [1, 2], {}, { countdown: 0.5 })
  expect((await app.broker().depth('export')).messages).toBe(2)
  expect(await vault.size()).toBe(0)
})

test('a retry waits in the vault too', async () => {
  const { app, vault } = await openPlace()
  const flaky = app.task('export.flaky', { bind: true }, (self) => {
    if (self.request.retries === 0) throw self.retry({ countdown: 3600 })
    return self.request.retries
  })
  await startWorker(app)
  const result = await flaky.delay()
  const [held] = await waitFor('the retry', async () => {
    const waiting = await vault.list()
    return waiting.length === 0 ? undefined : waiting
  })
  expect(held).toMatchObject({ taskId: result.id, message: { headers: { retries: 1 } } })
  await vault.change(result.id, (waiting) => ({ ...waiting, dueAt: new Date() }))
  expect(await result.get({ timeoutMs: 20_000 })).toBe(1)
})

test('what others send with an eta far ahead is moved to the vault as it is', async () => {
  const { app, vault } = await openPlace()
  app.task('export.add', (x: number, y: number) => x + y)
  await startWorker(app)
  const sent = message({ id: 'far', eta: '2099-01-01T00:00:00+00:00' })
  await app.broker().publish(sent, EXPORT)
  await waitFor('it', async () => (await vault.size()) === 1)
  const held = await vault.find('far')
  expect(held).toMatchObject({ dueAt: new Date('2099-01-01T00:00:00.000Z'), route: EXPORT })
  expect(held?.message.body.equals(sent.body)).toBe(true)
  expect(held?.message.headers).toEqual(sent.headers)
})

test.each([
  ['memory://', true, /ETA_VAULT is True and result_backend is "memory:\/\/"/],
  [
    'memory://',
    'redis://:secret@host/0',
    /ETA_VAULT is "redis:\/\/:\*\*\*@host\/0", expected True/,
  ],
])(
  'with result_backend %s and ETA_VAULT %s a delayed call is refused',
  async (backend, wanted, why) => {
    const app = openApp(backend, wanted)
    await expect(app.sendTask('export.add', [], {}, { countdown: 60 })).rejects.toThrow(why)
  },
)

async function openPlace(): Promise<{ readonly app: CeleryApp; readonly vault: Vault }> {
  const url = await migratedDatabase()
  const app = openApp(`db+${url}`, true)
  const vault = await app.vault()
  if (vault === undefined) throw new Error('there is no vault')
  await app.setUp()
  return { app, vault }
}

function openApp(backend: string, vault: boolean | string): CeleryApp {
  const config = new Config({
    queues: ['export'],
    broker_url: `memory://vault-${Math.random()}`,
    result_backend: backend,
    ETA_VAULT: vault,
    environment: {},
    dotenv: false,
  })
  const app = createApp(config)
  onTestFinished(() => app.close())
  return app
}

async function startWorker(app: CeleryApp): Promise<void> {
  const worker = app.worker()
  onTestFinished(() => worker.stop({ graceMs: 0 }))
  await worker.start()
}
