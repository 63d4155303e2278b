import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { RevokedFile } from '../../../src/control/revoked-file.ts'
import { RevokedTasks } from '../../../src/control/revoked-tasks.ts'
import { ResultError } from '../../../src/errors.ts'
import type { Logger } from '../../../src/logger.ts'
import { embeddedApp, recordingLogger, startWorker } from '../../support/embedded-app.ts'

const NAME = 'w1@test'
const ASKED = { destination: [NAME], reply: true, timeoutMs: 5_000 }

test('of more ids than a worker remembers only those it remembers are marked as revoked', async () => {
  const app = await controlled({ WORKER_REVOKES_MAX: 2 })
  await app.control.revoke(['first', 'second', 'third'], ASKED)
  const states = ['first', 'second', 'third'].map((id) => app.asyncResult(id).status())
  expect(await Promise.all(states)).toEqual(['PENDING', 'REVOKED', 'REVOKED'])
})

test('a result backend that is away is not asked for each of many ids', async () => {
  const app = await controlled()
  const get = vi
    .spyOn(await app.results(), 'get')
    .mockRejectedValue(new ResultError('RESULT_UNREACHABLE', 'away'))
  const ids = Array.from({ length: 200 }, (_, at) => `id-${at}`)
  expect(await app.control.revoke(ids, ASKED)).toHaveLength(1)
  expect(get.mock.calls.length).toBeLessThanOrEqual(16)
})

test('one id that cannot be asked for leaves those behind it no less revoked', async () => {
  const app = await controlled()
  const results = await app.results()
  const { get } = results
  vi.spyOn(results, 'get').mockImplementation(async (id) => {
    if (id === 'spoiled') throw new ResultError('RESULT_UNREADABLE', 'spoiled')
    return await get.call(results, id)
  })
  await app.control.revoke(['spoiled', 'good'], ASKED)
  expect(await app.asyncResult('good').status()).toBe('REVOKED')
})

test('an answer to a revoke of many says how many, not which', async () => {
  const app = await controlled()
  const ids = Array.from({ length: 2_000 }, (_, at) => `id-${at}`)
  expect(await app.control.revoke(ids, ASKED)).toEqual([
    { [NAME]: { ok: 'tasks (2000 of them) flagged as revoked' } },
  ])
  expect(await app.control.revokeByStampedHeaders({ tenant: ids }, ASKED)).toEqual([
    { [NAME]: { ok: 'headers of 1 stamps flagged as revoked, but not terminated' } },
  ])
})

test('no more values of stamps are remembered than ids; the oldest go first', () => {
  const revoked = new RevokedTasks({ most: 3, expiresMs: 1_000 })
  revoked.addStamps('a', ['a1'])
  revoked.addStamps('b', ['b1', 'b2'])
  revoked.addStamps('c', ['c1', 'c2'])
  expect(revoked.record().stamps).toEqual({ b: ['b2'], c: ['c1', 'c2'] })
})

test('names of stamps without values are not remembered', () => {
  const revoked = new RevokedTasks({ most: 3, expiresMs: 1_000 })
  for (let n = 0; n < 10; n += 1) revoked.addStamps(`name ${n}`, [])
  expect(revoked.isEmpty).toBe(true)
})

test.each([
  ['an object', { tenant: { toString: 1 } }, "a stamp is {'toString': 1}, expected a text"],
  ['a long text', { tenant: 'x'.repeat(2_049) }, 'a stamp is a text of 2049 characters'],
  ['a long name', { ['x'.repeat(2_049)]: 'a' }, 'the name of a stamp is a text of 2049 characters'],
])('%s is no stamp to revoke', async (_, headers, reason) => {
  const app = await controlled()
  const answers = await app.control.broadcast('revoke_by_stamped_headers', { headers }, ASKED)
  expect(JSON.stringify(answers)).toContain(reason)
})

test('a file of revoked tasks holds integers of any size', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'revoked-')), 'state')
  onTestFinished(() => rm(dirname(path), { recursive: true }))
  const logger = recordingLogger()
  const limits = { most: 3, expiresMs: 1_000 }
  const revoked = new RevokedTasks(limits)
  revoked.addStamps('tenant', [2n ** 60n, 'b'])
  await new RevokedFile(path, revoked, logger).save()
  expect(logger.lines).toEqual([])
  const read = new RevokedTasks(limits)
  await new RevokedFile(path, read, logger).load()
  expect(read.record().stamps).toEqual({ tenant: [2n ** 60n, 'b'] })
})

test('an unknown command, or a task, of a million letters is cut in the log', async () => {
  const logger = recordingLogger()
  const app = await controlled({}, logger)
  const long = 'x'.repeat(1_000_000)
  await app.control.broadcast(long, {}, ASKED)
  await app.control.broadcast('rate_limit', { task_name: long, rate_limit: 1 }, ASKED)
  await app.control.broadcast('election', { id: long, topic: long }, ASKED)
  expect(logger.lines.filter(({ level }) => level === 'error')).toHaveLength(3)
  expect(JSON.stringify(logger.lines).length).toBeLessThan(20_000)
})

async function controlled(options: Parameters<typeof embeddedApp>[0] = {}, logger?: Logger) {
  const app = embeddedApp(options, logger === undefined ? {} : { logger })
  await startWorker(app, { name: NAME })
  return app
}
