import { expect, test } from 'vitest'
import { openEnvelope } from '../../src/brokers/sqs/messages/envelope.ts'
import { Effects, startFaultWorker } from '../faults/fault-worker.ts'
import { migratedDatabase } from '../support/live-app.ts'
import { freshSqsPlace, readyIn, type SqsPlace, sqsApp, sqsProcess } from '../support/sqs-app.ts'
import { waitFor } from '../support/wait-for.ts'

const PATIENCE = { deadlineMs: 40_000 }
const VISIBILITY = { visibility_timeout: 2 }

test('killed in mid-work, all that a worker held is back after the visibility time: none is lost', async () => {
  const { place, app, effects } = await prepared()
  await Promise.all(Array.from({ length: 60 }, async (_, n) => app.sendTask('fault.work', [n])))
  const first = await startFaultWorker(sqsProcess(place, VISIBILITY), effects, { concurrency: 2 })
  await waitFor('some to have ended', () => effects.count('end') >= 10, PATIENCE)
  await first.stop('SIGKILL')
  expect(effects.of('end').size).toBeLessThan(60)
  await startFaultWorker(sqsProcess(place, VISIBILITY), effects)
  await waitFor('the end of every task', () => effects.of('end').size === 60, PATIENCE)
  await waitFor('empty queues', () => heldIn(place, 'fault') === 0)
})

test('suspended for longer than the visibility, a worker loses what it held and reports no success', async () => {
  const { place, app, effects } = await prepared()
  const results = [await app.sendTask('fault.told', [1]), await app.sendTask('fault.told', [2])]
  const slept = await startFaultWorker(sqsProcess(place, VISIBILITY), effects)
  await waitFor('both to run', () => effects.count('start') === 2, PATIENCE)
  slept.kill('SIGSTOP')
  const other = await startFaultWorker(sqsProcess(place, VISIBILITY), effects)
  await waitFor('both to run again', () => effects.count('start') === 4, PATIENCE)
  slept.kill('SIGCONT')
  await slept.waitForLine(/the message of a task was lost/)
  const pids = await Promise.all(results.map((result) => result.get({ timeoutMs: 20_000 })))
  expect(pids).toEqual([other.pid, other.pid])
  expect(effects.count('end')).toBe(2)
  await waitFor('empty queues', () => heldIn(place, 'fault') === 0)
})

test('what kills its workers is kept in the dead-letter queue with the reason; what ran beside it ends', async () => {
  const { place, app, effects } = await prepared()
  const poison = await app.sendTask('fault.poison', [1])
  const beside = await app.sendTask('fault.told', [2])
  const { env } = sqsProcess(place, VISIBILITY)
  const deadly = { env: { ...env, CELERY_WORKER_POISON_DEATHS: '2' } }
  for (const n of [1, 2]) {
    const worker = await startFaultWorker(deadly, effects)
    expect(await worker.exited, `death ${n}`).toMatchObject({ signal: 'SIGKILL' })
  }
  await startFaultWorker(deadly, effects)
  expect(await beside.get({ timeoutMs: 20_000 })).toEqual(expect.any(Number))
  const [letter] = await waitFor('the letter', () => {
    const letters = readyIn(place, 'dlq.fault')
    return letters.length > 0 && letters
  })
  expect(openEnvelope(letter?.body ?? '', 'dlq.fault').message.headers).toMatchObject({
    id: poison.id,
    'x-dlq-queue': 'fault',
    'x-dlq-reason': expect.stringContaining('started 2 times'),
  })
  expect(readyIn(place, 'dlq.fault')).toHaveLength(1)
  await expect(poison.get({ timeoutMs: 10_000 })).rejects.toThrow('started 2 times')
})

async function prepared() {
  const place = await freshSqsPlace(['fault'])
  await migratedDatabase(place.databaseUrl)
  return { place, app: sqsApp(place), effects: new Effects() }
}

function heldIn({ space }: SqsPlace, queue: string): number {
  const { messages } = space.server.inspectQueue(space.nameOf(queue)) ?? {}
  return (messages?.ready.length ?? 0) + (messages?.inflight.length ?? 0)
}
