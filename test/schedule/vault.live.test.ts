import { randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import type { Broker, PublishOptions } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open-broker.ts'
import type { Database } from '../../src/database/database.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { WakeUps } from '../../src/flows/waits/wake-ups.ts'
import type { Service } from '../../src/lifecycle/service.ts'
import type { Message, Route } from '../../src/protocol/message.ts'
import type { WaitingMessage } from '../../src/schedule/held-messages.ts'
import { Vault } from '../../src/schedule/vault.ts'
import { vaultDispatcher } from '../../src/schedule/vault-dispatcher.ts'
import { config, EXPORT, message } from '../monitor/messages.ts'
import { freshDatabase, migratedDatabase } from '../support/postgres.ts'
import { waitFor } from '../support/wait-for.ts'

const MIB = 1024 * 1024

test('a message comes out of the vault as it went in', async () => {
  const { vault } = await openPlace()
  const given = message({ id: 'a', eta: '2040-01-01T00:00:00+00:00', headers: { big: 2n ** 60n } })
  const waiting = { ...due('a', 3600), message: { ...given, body: Buffer.from([0, 255, 10]) } }
  await vault.hold(waiting)
  expect(await vault.find('a')).toMatchObject(waiting)
})

test('what is due is published, in order, and no longer held; what is not due stays', async () => {
  const { vault, broker, dispatcher } = await openPlace()
  for (const [id, seconds] of [
    ['b', -1],
    ['a', -2],
    ['c', 3600],
  ] as const) {
    await vault.hold(due(id, seconds))
  }
  await dispatcher().start()
  await waitFor('two messages', async () => (await broker.depth('export')).messages === 2)
  expect(await idsIn(broker, 2)).toEqual(['a', 'b'])
  await waitFor('one left', async () => (await vault.size()) === 1)
})

test('what becomes due while a dispatcher waits is published when it is due, not when it looks next', async () => {
  const { vault, broker, dispatcher } = await openPlace()
  await dispatcher({ lookEveryMs: 60_000 }).start()
  const waiting = due('soon', 0.4)
  await vault.hold(waiting)
  await waitFor('it', async () => (await broker.depth('export')).messages === 1)
  expect(Date.now()).toBeGreaterThanOrEqual(waiting.dueAt.getTime())
})

test('a wake-up waits in the vault where one is given, one a job, and is no task for the monitor', async () => {
  const { vault, broker, database, dispatcher } = await openPlace()
  const wakeUps = new WakeUps(broker, { board: 'night', vault })
  const job = { uuid: 'j1', flowId: 'f1' }
  let woken = 0
  await wakeUps.listen(() => {
    woken += 1
    return true
  })
  await wakeUps.ask(job, Date.now() + 3_600_000)
  await wakeUps.ask(job, Date.now() + 300)
  expect(await vault.size()).toBe(1)
  const unrecorded = 'SELECT task_id FROM monitor.scheduled WHERE recorded_at IS NULL'
  expect(await database.query(unrecorded)).toEqual([])
  await dispatcher().start()
  await waitFor('the wake-up', () => woken === 1)
  expect(await vault.size()).toBe(0)
})

test('what is cancelled is never published', async () => {
  const { vault, broker, dispatcher } = await openPlace()
  await vault.hold(due('a', -1))
  await vault.hold(due('b', -1))
  expect(await vault.cancel(['a', 'nobody'])).toEqual(['a'])
  await dispatcher().start()
  await waitFor('the other', async () => (await vault.size()) === 0)
  expect(await idsIn(broker, 1)).toEqual(['b'])
  expect((await broker.depth('export')).messages).toBe(0)
})

test('what waits can be changed, and is published at its new time', async () => {
  const { vault, broker, dispatcher } = await openPlace()
  await vault.hold(due('a', 3600))
  const changed = await vault.change('a', (held) => ({ ...held, dueAt: new Date(Date.now() - 1) }))
  expect(changed).toMatchObject({ taskId: 'a', route: EXPORT })
  expect(changed?.message.headers.eta).toBe(changed?.dueAt.toISOString())
  expect(await vault.change('nobody', (held) => held)).toBeUndefined()
  await dispatcher().start()
  await waitFor('it', async () => (await broker.depth('export')).messages === 1)
})

test('holding an id again takes the place of what waited under it', async () => {
  const { vault } = await openPlace()
  await vault.hold(due('a', 3600))
  await vault.hold({ ...due('a', 7200), message: message({ id: 'a', retries: 1 }) })
  expect(await vault.list()).toMatchObject([{ message: { headers: { retries: 1 } } }])
})

test('three dispatchers publish each of a thousand messages once', async () => {
  const { vault, broker, dispatcher } = await openPlace()
  const ids = Array.from({ length: 1000 }, (_each, i) => `task-${i}`)
  await Promise.all(ids.map((id) => vault.hold(due(id, -1))))
  await Promise.all([1, 2, 3].map(() => dispatcher({ batchSize: 50 }).start()))
  await waitFor('all', async () => (await vault.size()) === 0)
  expect(new Set(await idsIn(broker, 1000))).toEqual(new Set(ids))
  expect((await broker.depth('export')).messages).toBe(0)
})

test('a body of any length comes out as it went in', async () => {
  const { vault } = await openPlace()
  for (const bytes of [0, 16 * 1024, 16 * 1024 + 1, 4 * MIB, 4 * MIB + 1, 9 * MIB]) {
    const body = randomBytes(bytes)
    await vault.hold({ ...due('a', 3600), message: { ...message({ id: 'a' }), body } })
    expect((await vault.find('a'))?.message.body.equals(body)).toBe(true)
  }
})

test('of large messages that are due, a few megabytes are read and published at a time', async () => {
  const { vault, broker, dispatcher } = await openPlace()
  const bodies = Array.from({ length: 12 }, (_, at) =>
    Buffer.alloc(at === 5 ? 9 * MIB : 3 * MIB, at),
  )
  for (const [at, body] of bodies.entries()) {
    await vault.hold({ ...due(`${at}`, at - 100), message: { ...message({ id: `${at}` }), body } })
  }
  const given: Buffer[] = []
  let [atATime, most] = [0, 0]
  const publish = async ({ body }: Message) => {
    given.push(body)
    atATime += body.length
    most = Math.max(most, atATime)
    await setImmediate()
    atATime -= body.length
  }
  const watched = Object.create(broker, { publish: { value: publish } }) as Broker // all but its publish
  await dispatcher({ broker: watched }).start()
  await waitFor('all', async () => (await vault.size()) === 0)
  expect(Buffer.concat(given).equals(Buffer.concat(bodies))).toBe(true)
  expect(most).toBe(9 * MIB)
})

test('what the broker does not take stays with the reason, and does not hold up the others', async () => {
  const { vault, broker, database, dispatcher } = await openPlace()
  await vault.hold(due('a', -1))
  await vault.hold(due('b', -1))
  const fussy = refusing(broker, 'a')
  await dispatcher({ broker: fussy.broker }).start()
  await waitFor('the other', async () => (await vault.size()) === 1)
  expect(await vault.find('a')).toMatchObject({
    problem: expect.stringContaining('no room for a'),
    refusedAt: expect.any(Date),
  })
  fussy.relent()
  await database.query(
    "update monitor.scheduled set next_at = now(); select pg_notify('celery_toolbox_scheduled', '')",
  )
  await waitFor('it', async () => (await vault.size()) === 0)
})

test('what no queue takes stays, instead of being gone', async () => {
  const { vault, broker, dispatcher } = await openPlace()
  await vault.hold({ ...due('a', -1), route: { exchange: '', routingKey: 'nobody' } })
  await dispatcher().start()
  const refused = await waitFor('its refusal', async () => {
    const held = await vault.find('a')
    return held?.problem === null ? undefined : held
  })
  expect(refused.problem).toMatch(/BrokerError: .*"nobody"/)
  // What is changed has not been refused yet.
  const changed = await vault.change('a', (held) => ({ ...held, dueAt: new Date(8e12) }))
  expect(changed).toMatchObject({ problem: null, refusedAt: null })
  expect((await broker.depth('export')).messages).toBe(0)
})

test('a vault without its table says what to run', async () => {
  const database = await openDatabase({ url: await freshDatabase() })
  onTestFinished(() => database.close())
  await expect(new Vault(database).hold(due('a', 1))).rejects.toMatchObject({
    code: 'DATABASE_BEHIND',
    message: expect.stringContaining('migrate up'),
  })
})

interface Place {
  readonly broker: Broker
  readonly database: Database
  readonly vault: Vault
  dispatcher(options?: {
    readonly broker?: Broker
    readonly batchSize?: number
    readonly lookEveryMs?: number
  }): Service
}

async function openPlace(): Promise<Place> {
  const broker = openBroker({ url: `memory://vault-${Math.random()}` })
  onTestFinished(() => broker.close())
  await broker.declare(config.topology())
  const database = await openDatabase({ url: await migratedDatabase() })
  onTestFinished(() => database.close())
  const dispatcher: Place['dispatcher'] = (options = {}) => {
    const made = vaultDispatcher({ broker, database, ...options })
    onTestFinished(() => made.stop())
    return made
  }
  return { broker, database, vault: new Vault(database), dispatcher }
}

function due(taskId: string, inSeconds: number): WaitingMessage {
  const dueAt = new Date(Date.now() + inSeconds * 1000)
  const eta = dueAt.toISOString()
  return { taskId, name: 'export.add', dueAt, message: message({ id: taskId, eta }), route: EXPORT }
}

async function idsIn(broker: Broker, count: number): Promise<unknown[]> {
  const ids: unknown[] = []
  for (let i = 0; i < count; i += 1) {
    const delivery = await broker.get('export')
    await delivery?.ack()
    ids.push(delivery?.message.headers.id)
  }
  return ids
}

/** The broker, but for the messages of one task, until it relents. */
function refusing(broker: Broker, id: string): { readonly broker: Broker; relent(): void } {
  let isFussy = true
  const publish = async (given: Message, route: Route, options?: PublishOptions) => {
    if (isFussy && given.headers.id === id) throw new Error(`no room for ${id}`)
    await broker.publish(given, route, options)
  }
  const fussy = Object.create(broker, { publish: { value: publish } }) as Broker // all but its publish
  const relent = () => {
    isFussy = false
  }
  return { broker: fussy, relent }
}
