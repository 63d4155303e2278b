import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Deferred, deferred } from '../../src/async/deferred.ts'
import { MemoryBroker } from '../../src/brokers/memory/memory-broker.ts'
import type { CeleryApp } from '../../src/create-app.ts'
import { chain, chord, group } from '../../src/tasks/canvas/canvas.ts'
import type { Worker } from '../../src/worker/worker.ts'
import { embeddedApp, recordingLogger, startWorker } from '../support/embedded-app.ts'
import { waitFor } from '../support/wait-for.ts'

const WAIT = { timeoutMs: 8_000 }
const NAME = 'w1@test'
const REVOKED = { state: 'REVOKED', excType: 'TaskRevokedError', excArgs: ['revoked'] }

test('a worker answers a ping', async () => {
  const { app } = await controlled()
  expect(await app.control.ping({ destination: [NAME] })).toEqual([{ [NAME]: { ok: 'pong' } }])
})

test('a command for another worker is not answered', async () => {
  const { app } = await controlled()
  expect(await app.control.ping({ destination: ['w2@test'], timeoutMs: 50 })).toEqual([])
  expect(await app.control.ping({ pattern: 'w2*', timeoutMs: 50 })).toEqual([])
})

test('each worker of a pattern answers once', async () => {
  const { app } = await controlled()
  await startWorker(app, { name: 'w2@test' })
  const replies = await app.control.ping({ pattern: 'w*@test', limit: 2 })
  expect(replies.flatMap(Object.keys).toSorted()).toEqual([NAME, 'w2@test'])
})

test('an unknown command is answered in the words of Celery', async () => {
  const { app } = await controlled()
  const replies = await app.control.broadcast('no_such_command', {}, ASKED)
  expect(replies).toEqual([{ [NAME]: { error: "KeyError('no_such_command')" } }])
})

test('a worker without remote control is silent, and hears nothing', async () => {
  const { app } = await controlled({ worker_enable_remote_control: false })
  expect(await app.control.ping({ timeoutMs: 50 })).toEqual([])
})

test('a worker hears commands again after its connection was lost', async () => {
  const { app } = await controlled()
  const broker = app.broker()
  if (!(broker instanceof MemoryBroker)) throw new Error('this test needs a broker in memory')
  await app.control.ping({ destination: [NAME] })
  broker.simulateLoss()
  broker.simulateRestore()
  expect(await app.control.ping({ destination: [NAME] })).toEqual([{ [NAME]: { ok: 'pong' } }])
})

test('two workers of one name on two connections both work, and one is warned', async () => {
  const logger = recordingLogger()
  const { app, add } = await controlled()
  const other = embeddedApp({ broker_url: app.config.brokerUrl }, { logger })
  await startWorker(other, { name: NAME })
  expect(logger.lines.map(({ sentence }) => sentence)).toContain(
    'no remote control: another worker has this name, give each its own. Trying again',
  )
  expect(await (await add.delay(1, 1)).get(WAIT)).toBe(2)
})

test('a task revoked before it comes is stored as revoked, and does not run', async () => {
  const { app, add, runs, worker } = await controlled()
  await app.control.revoke('early', ASKED)
  const result = await add.applyAsync([1, 1], { taskId: 'early' })
  await expect(result.get(WAIT)).rejects.toMatchObject(REVOKED)
  await (await add.delay(2, 2)).get(WAIT)
  expect(await unsettled(app, worker)).toBe(0)
  expect(runs).toEqual([2])
})

test('revoking answers as Celery does', async () => {
  const { app } = await controlled()
  expect(await app.control.revoke('some', ASKED)).toEqual([
    { [NAME]: { ok: "tasks {'some'} flagged as revoked" } },
  ])
  expect(await app.control.revoke('some', { ...ASKED, terminate: true })).toEqual([
    { [NAME]: { ok: 'terminate: tasks unknown' } },
  ])
})

test('a task that waits for its eta is revoked at once', async () => {
  const { app, add, worker } = await controlled()
  const result = await add.applyAsync([1, 1], { countdown: 3600 })
  await waitFor('the worker to hold it', async () => !(await isQueued(app)))
  await app.control.revoke(result.id, ASKED)
  await expect(result.get({ timeoutMs: 0 })).rejects.toMatchObject(REVOKED)
  expect(await unsettled(app, worker)).toBe(0)
})

test('a task that waits for a slot is revoked at once', async () => {
  const { app, add, hang, gate, worker } = await controlled({ worker_prefetch_multiplier: 0 })
  const first = await hang.delay()
  const second = await add.delay(1, 1)
  await waitFor('the first to run', () => gate.began)
  await app.control.revoke(second.id, ASKED)
  await expect(second.get(WAIT)).rejects.toMatchObject(REVOKED)
  gate.end.resolve('ended')
  expect(await first.get(WAIT)).toBe('ended')
  expect(await unsettled(app, worker)).toBe(0)
})

test('a running task is left alone by revoke', async () => {
  const { app, hang, gate } = await controlled()
  const result = await hang.delay()
  await waitFor('it to run', () => gate.began)
  await app.control.revoke(result.id, ASKED)
  gate.end.resolve('ended')
  expect(await result.get(WAIT)).toBe('ended')
})

test('a running task is asked to end, with the reason, and is stored as terminated', async () => {
  const { app, hang, gate, worker } = await controlled()
  const result = await hang.delay()
  await waitFor('it to run', () => gate.began)
  await result.revoke({ terminate: true, reason: 'not needed' })
  await expect(result.get(WAIT)).rejects.toMatchObject({ ...REVOKED, excArgs: ['terminated'] })
  expect(gate.aborted).toMatchObject({ name: 'TaskRevoked', message: 'not needed' })
  expect(await unsettled(app, worker)).toBe(0)
})

test('a task that is over keeps its result when it is revoked', async () => {
  const { app, add } = await controlled()
  const result = await add.delay(1, 1)
  await result.get(WAIT)
  await app.control.revoke(result.id, ASKED)
  expect(await result.status()).toBe('SUCCESS')
})

test('the members of a group are revoked together', async () => {
  const { add } = await controlled()
  const result = await group(add.s(1, 1), add.s(2, 2)).applyAsync([], { countdown: 3600 })
  const answers = await result.revoke({ wait: true, timeoutMs: 200 })
  expect(answers.flatMap(Object.keys)).toEqual([NAME])
  await expect(result.get(WAIT)).rejects.toMatchObject(REVOKED)
  expect(await result.status()).toBe('REVOKED')
})

test('a chord whose member is revoked fails as in Celery', async () => {
  const { app, add, sum } = await controlled()
  const member = add.s(2, 2).set({ taskId: 'revoked-member' })
  await app.control.revoke('revoked-member', ASKED)
  const result = await chord([add.s(1, 1), member], sum.s()).applyAsync()
  await expect(result.get(WAIT)).rejects.toMatchObject({
    excType: 'ChordError',
    excArgs: ["Dependency revoked-member raised TaskRevokedError('revoked')"],
  })
})

test('a caller that waits for the end of a chain learns that a step of it is revoked', async () => {
  const { app, add } = await controlled()
  await app.control.revoke('revoked-step', ASKED)
  const step = add.s(2).set({ taskId: 'revoked-step' })
  const result = await chain(add.s(1, 1), step, add.s(3), add.s(4)).applyAsync()
  await expect(result.get(WAIT)).rejects.toMatchObject(REVOKED)
  expect(await result.parent?.parent?.status()).toBe('REVOKED')
})

test('tasks are revoked by their stamps', async () => {
  const { app, add, hang, gate } = await controlled()
  const running = await hang.s().stamp({ tenant: 'acme' }).applyAsync()
  await waitFor('it to run', () => gate.began)
  const answer = await app.control.revokeByStampedHeaders(
    { tenant: ['acme'] },
    { ...ASKED, terminate: true },
  )
  expect(answer).toEqual([{ [NAME]: { ok: "headers {'tenant': ['acme']} revoked" } }])
  await expect(running.get(WAIT)).rejects.toMatchObject({ excArgs: ['terminated'] })
  const next = await add
    .s(1, 1)
    .stamp({ tenant: ['acme', 'x'] })
    .applyAsync()
  await expect(next.get(WAIT)).rejects.toMatchObject(REVOKED)
  const others = await add.s(1, 1).stamp({ tenant: 'other' }).applyAsync()
  expect(await others.get(WAIT)).toBe(2)
})

test('revoked tasks are remembered in a file, across restarts', async () => {
  const stateDb = join(await folder(), 'state')
  const { app, add, worker } = await controlled({}, { stateDb })
  await app.control.revoke('remembered', ASKED)
  await worker.stop()
  await startWorker(app, { stateDb })
  const result = await add.applyAsync([1, 1], { taskId: 'remembered' })
  await expect(result.get(WAIT)).rejects.toMatchObject(REVOKED)
})

test("a worker does not write over a file that is another's", async () => {
  const stateDb = join(await folder(), 'state')
  await writeFile(stateDb, 'precious')
  const worker = embeddedApp().worker({ stateDb })
  onTestFinished(async () => worker.stop({ graceMs: 0 }))
  await expect(worker.start()).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  expect(await readFile(stateDb, 'utf8')).toBe('precious')
})

test('a worker that starts learns which tasks are revoked', async () => {
  const { app } = await controlled()
  await app.control.revoke(['one', 'two'], ASKED)
  const args = { from_node: 'w9@test', revoked: { three: [1.5, 'three'] } }
  const [reply] = await app.control.broadcast('hello', args, ASKED)
  expect(reply).toMatchObject({ [NAME]: { revoked: ['one', 'two', 'three'] } })
  expect(await app.control.broadcast('revoked', {}, ASKED)).toEqual([
    { [NAME]: ['one', 'two', 'three'] },
  ])
})

test('rate limits are changed while tasks wait', async () => {
  const { app, slow } = await controlled()
  await (await slow.delay()).get(WAIT)
  const second = await slow.delay()
  await waitFor('the second to wait', async () => !(await isQueued(app)))
  const answer = await app.control.rateLimit('export.slow', 0, ASKED)
  expect(answer).toEqual([{ [NAME]: { ok: 'rate limit disabled successfully' } }])
  expect(await second.get(WAIT)).toBe('ran')
  expect(await app.control.rateLimit('export.slow', '1/x', ASKED)).toMatchObject([
    { [NAME]: { error: expect.stringContaining('Invalid rate limit string') } },
  ])
  expect(await app.control.rateLimit('nobody', '1/s', ASKED)).toEqual([
    { [NAME]: { error: "unknown task 'nobody'" } },
  ])
})

test('time limits are changed for runs to come', async () => {
  const { app, hang } = await controlled()
  const answer = await app.control.timeLimit('export.hang', { hard: 0.05 }, ASKED)
  expect(answer).toEqual([{ [NAME]: { ok: 'time limits set successfully' } }])
  const result = await hang.delay()
  await expect(result.get(WAIT)).rejects.toMatchObject({ excType: 'TimeLimitExceeded' })
})

const ASKED = { destination: [NAME], reply: true, timeoutMs: 5_000 }

interface Gate {
  began: boolean
  aborted: unknown
  readonly end: Deferred<string>
}

/** An app and a worker with one slot. */
async function controlled(
  settings: Parameters<typeof embeddedApp>[0] = {},
  options: Parameters<typeof startWorker>[1] = {},
) {
  const app = embeddedApp(settings)
  const runs: number[] = []
  const gate: Gate = { began: false, aborted: undefined, end: deferred<string>() }
  const add = app.task('export.add', (a: number, b: number) => {
    runs.push(a)
    return a + b
  })
  const sum = app.task('export.sum', (all: readonly number[]) => all.reduce((a, b) => a + b, 0))
  const slow = app.task('export.slow', { rateLimit: '1/h' }, () => 'ran')
  const hang = app.task('export.hang', { bind: true, acksLate: true }, async (self) => {
    gate.began = true
    self.signal.addEventListener('abort', () => {
      gate.aborted = self.signal.reason
    })
    return await gate.end.promise
  })
  const worker = await startWorker(app, { name: NAME, concurrency: 1, ...options })
  return { app, worker, add, sum, slow, hang, runs, gate }
}

async function isQueued(app: CeleryApp): Promise<boolean> {
  return (await app.broker().depth('export')).messages > 0
}

/** What is not acknowledged is given back when its worker stops. */
async function unsettled(app: CeleryApp, worker: Worker): Promise<number> {
  await worker.stop()
  return (await app.broker().depth('export')).messages
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'celery-toolbox-'))
  onTestFinished(async () => rm(path, { recursive: true, force: true }))
  return path
}
