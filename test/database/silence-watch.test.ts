import type { Client, PoolClient } from 'pg'
import { expect, test } from 'vitest'
import { deferred } from '../../src/async/deferred.ts'
import { SilenceWatch } from '../../src/database/silence-watch.ts'
import { silentLogger } from '../../src/logger.ts'

const SILENT_MS = 5

test('a statement that is answered while the server is asked keeps its connection', async () => {
  const { client, isClosed } = clientOf(7)
  const asked = deferred()
  const statement = deferred<string>()
  const answer = deferred<object>()
  const watch = watchWith(8, () => {
    asked.resolve()
    return answer.promise
  })
  const outcome = watch.over(client, statement.promise)
  await asked.promise
  statement.resolve('answered')
  expect(await outcome).toBe('answered')
  answer.resolve({ rows: [{ own: 8, isActive: false }] })
  await new Promise((resolve) => setImmediate(resolve))
  expect(isClosed()).toBe(false)
})

test('behind a pooler, which has process ids of its own, the server process is unknown, so a long statement may take long', async () => {
  const { client, isClosed } = clientOf(7)
  let times = 0
  const statement = deferred<string>()
  const watch = watchWith(8, async () => {
    times += 1
    if (times === 3) statement.resolve('answered')
    return { rows: [{ own: 4711, isActive: false }] }
  })
  expect(await watch.over(client, statement.promise)).toBe('answered')
  expect(isClosed()).toBe(false)
})

test('a connection for which the server does nothing is closed', async () => {
  const { client, isClosed, closed } = clientOf(7)
  const watch = watchWith(8, async () => ({ rows: [{ own: 8, isActive: false }] }))
  const outcome = watch.over(
    client,
    closed.then(() => 'lost'),
  )
  expect(await outcome).toBe('lost')
  expect(isClosed()).toBe(true)
})

function watchWith(processID: number, query: () => Promise<object>): SilenceWatch {
  const asking = { processID, query, connection: { stream: { destroy: () => undefined } } }
  return new SilenceWatch({
    safeUrl: 'postgresql://localhost',
    connect: async () => asking as unknown as Client, // all of it that is used
    logger: silentLogger,
    silentMs: SILENT_MS,
    onSilent: () => undefined,
  })
}

function clientOf(processID: number) {
  const closing = deferred()
  let isClosed = false
  const destroy = (): void => {
    isClosed = true
    closing.resolve()
  }
  const client = { processID, connection: { stream: { destroy } } }
  return {
    client: client as unknown as PoolClient, // all of it that is used
    isClosed: () => isClosed,
    closed: closing.promise,
  }
}
