import { expect, test } from 'vitest'
import type { Database } from '../../../src/database/database.ts'
import { BrokerError } from '../../../src/errors.ts'
import { whyTask } from '../../../src/monitor/queries/why/why-task.ts'
import { Vault } from '../../../src/schedule/vault.ts'
import { migrated, recordTask, storeResult } from './recorded.ts'

const depth = (messages: number, consumers: number) => ({
  depth: async () => ({ messages, consumers }),
})

test('of every task and step it is said why it has not finished, or how it has', async () => {
  const database = await migrated()
  await record(database)
  const why = async (id: string, broker?: ReturnType<typeof depth>) =>
    (await whyTask(database, broker, id))?.why.join('. ')

  expect(await why('waiting', depth(7, 2))).toBe(
    'no worker has taken it yet: waiting in queue export. 2 tasks are ahead of it in queue export. ' +
      'queue export has 2 consumers. 7 messages wait in that queue',
  )
  expect(await why('ahead 1', depth(1, 0))).toMatch(
    /no consumer is on queue export: start a worker for it. nothing is ahead of it/,
  )
  expect(await why('waiting', depth(0, 1))).toMatch(
    /^no worker has reported that it took it: published to queue export. .*no message waits in that queue: a worker that sends no events has it/,
  )
  expect(await why('scheduled')).toMatch(/^it is not due yet: eta in 60 min, at 20/)
  expect(await why('expired')).toMatch(
    /^it will not run: expired 6\d s ago, and no worker had taken it$/,
  )
  expect(await why('expired on arrival')).toMatch(/expired 10 s before a worker took it/)
  expect(await why('unrouted')).toBe('it will never run: no work queue is bound to key nobody.home')
  expect(await why('retried')).toMatch(
    /retry 2 in \d+ s; it failed with ValueError: no ink \(due at/,
  )
  expect(await why('received')).toMatch(
    /under way \(RECEIVED\): received by worker w1@host \d+ s ago, not started/,
  )
  expect(await why('held')).toMatch(
    /^it is not due yet: eta in 60 min; held by worker w1@host, at 20/,
  )
  expect(await why('held retry')).toMatch(
    /^it is to be tried again: retry 1 in \d+ s; it failed with ValueError: no ink; held by worker w1@host/,
  )
  expect(await why('dropped')).toMatch(
    /\(RECEIVED\): worker w2@host announced its stop .* ago, so it goes back to its queue$/,
  )
  expect(await why('done')).toMatch(/^it has finished at .* with SUCCESS$/)
  expect(await why('failed')).toMatch(/with FAILURE: ValueError: no ink$/)
  expect(await why('no such id')).toBeUndefined()
})

test('of a step that is not published yet it is said what it comes after', async () => {
  const database = await migrated()
  await record(database)
  const why = async (id: string) => await whyTask(database, undefined, id)

  expect(await why('third')).toMatchObject({
    name: 'export.third',
    status: null,
    why: [
      'it is published once export.first (first), which is STARTED has succeeded: running on worker w1@host for 60 s',
      'before it in the chain: export.second (second)',
    ],
    waitsFor: [{ taskId: 'first', status: 'STARTED' }],
  })
  expect((await why('after failure'))?.why).toEqual([
    expect.stringMatching(
      /^it will never be published, as it comes after .*\(failed\), which is FAILURE: ValueError/,
    ),
  ])
  expect(await why('body')).toMatchObject({
    name: 'export.total',
    why: [
      'it waits for 1 of the 3 members of its chord: export.pdf (member 2), which is PENDING',
      '1 of the 3 members of its chord is not published yet',
    ],
    waitsFor: [{ taskId: 'member 2', name: 'export.pdf', status: 'PENDING' }],
  })
  expect((await why('member 1'))?.why).toContain(
    '2 of the 3 members of its chord have not succeeded, for which export.total waits',
  )
  await storeResult(database, { taskId: 'member 2', status: 'FAILURE' })
  expect((await why('body'))?.why[0]).toMatch(/^it will never run, as members of its chord did not/)
})

test('the members of a chord that are families of their own are found by what Celery looks after them with', async () => {
  const database = await migrated()
  const follow_ups = { chord: { id: 'body', name: 'python.total' } }
  for (const [id, state] of [
    ['one', 'SUCCESS'],
    ['two', 'FAILURE'],
    ['three', 'PENDING'],
  ] as const)
    await recordTask(database, { task_id: id, root_id: id, group_id: 'group', state, follow_ups })
  await recordTask(database, {
    task_id: 'unlock',
    root_id: 'unlock',
    name: 'celery.chord_unlock',
    args: ['group', { task: 'python.total' }],
    kwargs: { result: ['one', 'two', 'three'].map((id) => [[id, null], null]) },
  })
  const why = async (id: string) => (await whyTask(database, undefined, id))?.why
  expect(await why('one')).toContain(
    '2 of the 3 members of its chord have not succeeded, for which python.total waits',
  )
  expect(await why('body')).toEqual([
    expect.stringMatching(/^it will never run.*\(two\), which is FAILURE$/),
    expect.stringMatching(/^it waits for 1 of the 3 members of its chord: .*\(three\)/),
  ])
})

test('a broker that cannot be asked is no reason to say nothing', async () => {
  const database = await migrated()
  await record(database)
  const gone = { depth: () => Promise.reject(new BrokerError('BROKER_UNREACHABLE', 'no broker')) }
  const found = await whyTask(database, gone, 'waiting')
  expect(found?.queue).toMatchObject({ ahead: 2, messages: null })
  expect(found?.why.at(-1)).toBe('the broker could not be queried: no broker')
})

test('a broker that does not answer is not waited for long', async () => {
  const database = await migrated()
  await record(database)
  const silent = { safeUrl: 'amqp://far', depth: () => new Promise<never>(() => undefined) }
  const found = await whyTask(database, silent, 'waiting')
  expect(found?.queue).toMatchObject({ ahead: 2, messages: null })
  expect(found?.why.at(-1)).toBe(
    'the broker could not be queried: amqp://far did not report the contents of queue "export" within 2000 ms',
  )
})

test('what is due in the vault is in no queue, and says what publishes it', async () => {
  const database = await migrated()
  const vault = new Vault(database)
  const hold = async (taskId: string, dueAt: Date, given: Readonly<Record<string, unknown>>) => {
    await recordTask(database, { task_id: taskId, queue: 'export', eta: dueAt, ...given })
    const message = { headers: {}, properties: {}, body: Buffer.from('') }
    const route = { exchange: '', routingKey: 'export' }
    await vault.hold({ taskId, name: null, dueAt, message, route })
  }
  const why = async (id: string) => await whyTask(database, depth(0, 1), id)
  const minuteAgo = new Date(Date.now() - 60_000)
  await hold('due', minuteAgo, {})
  expect(await why('due')).toMatchObject({
    queue: null,
    why: [
      expect.stringMatching(
        /^it is not published yet: due 6\d s ago, waiting in the vault to be published$/,
      ),
      'what is due is published by a monitor, or a worker with ETA_VAULT: see that one runs',
    ],
  })
  await hold('again', minuteAgo, { state: 'RETRY', retries: 2, exception: 'ValueError: no ink' })
  expect((await why('again'))?.why[0]).toMatch(
    /^it is to be tried again: retry 2, due 6\d s ago, waiting in the vault .*; it failed with ValueError: no ink/,
  )
  await hold('later', new Date(Date.now() + 3_600_000), {})
  expect(await why('later')).toMatchObject({
    vault: { problem: null },
    why: [expect.stringMatching(/^it is not due yet: eta in 60 min, at 20/)],
  })
})

async function record(database: Database): Promise<void> {
  const secondsAgo = (s: number) => new Date(Date.now() - s * 1000)
  const base = { name: 'export.pdf', queue: 'export', published_at: secondsAgo(300) }
  const running = { worker: 'w1@host', state_at: secondsAgo(60), received_at: secondsAgo(60) }
  await recordTask(database, { ...base, task_id: 'ahead 1' })
  await recordTask(database, { ...base, task_id: 'ahead 2', published_at: secondsAgo(200) })
  await recordTask(database, { ...base, task_id: 'waiting', published_at: secondsAgo(100) })
  await recordTask(database, { ...base, task_id: 'scheduled', eta: secondsAgo(-3600) })
  await recordTask(database, { ...base, task_id: 'expired', expires: secondsAgo(60) })
  await recordTask(database, { ...base, task_id: 'expired on arrival', expires: secondsAgo(60) })
  await storeResult(database, {
    taskId: 'expired on arrival',
    status: 'REVOKED',
    done: "now() - interval '50 seconds'",
  })
  await recordTask(database, {
    ...base,
    task_id: 'unrouted',
    queue: null,
    routing_key: 'nobody.home',
    options: { unrouted: true },
  })
  await recordTask(database, {
    ...base,
    task_id: 'retried',
    state: 'RETRY',
    retries: 2,
    eta: secondsAgo(-30),
    exception: 'ValueError: no ink',
  })
  await recordTask(database, { ...base, ...running, task_id: 'received', state: 'RECEIVED' })
  await recordTask(database, {
    ...base,
    ...running,
    task_id: 'held',
    state: 'RECEIVED',
    eta: secondsAgo(-3600),
  })
  await recordTask(database, {
    ...base,
    ...running,
    task_id: 'held retry',
    state: 'RECEIVED',
    retries: 1,
    eta: secondsAgo(-30),
    exception: 'ValueError: no ink',
  })
  await recordTask(database, {
    ...base,
    ...running,
    task_id: 'dropped',
    worker: 'w2@host',
    state: 'RECEIVED',
  })
  await database.query(
    `insert into monitor.worker (hostname, updated_at, offline_at) values ('w2@host', now(), now())`,
  )
  await recordTask(database, { ...base, task_id: 'done' })
  await storeResult(database, { taskId: 'done', status: 'SUCCESS' })
  await recordTask(database, {
    ...base,
    task_id: 'failed',
    state: 'FAILURE',
    exception: 'ValueError: no ink',
    follow_ups: { callbacks: [{ id: 'after failure', name: 'export.mail' }] },
  })
  await recordTask(database, {
    ...base,
    ...running,
    task_id: 'first',
    name: 'export.first',
    state: 'STARTED',
    started_at: secondsAgo(60),
    follow_ups: {
      chain: [
        { id: 'second', name: 'export.second' },
        { id: 'third', name: 'export.third' },
      ],
    },
  })
  const chord = { chord: { id: 'body', name: 'export.total', size: 3 } }
  const member = { ...base, root_id: 'family', queue: 'other', follow_ups: chord }
  await recordTask(database, { ...member, task_id: 'member 1', state: 'SUCCESS' })
  await recordTask(database, { ...member, task_id: 'member 2' })
}
