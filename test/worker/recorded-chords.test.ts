import { expect, test, vi } from 'vitest'
import { readPickle } from '../../src/codecs/pickle/pickle-reader.ts'
import type { CeleryApp } from '../../src/create-app.ts'
import type { Message } from '../../src/protocol/message.ts'
import { chord } from '../../src/tasks/canvas/canvas.ts'
import { failure, success } from '../contracts/stored-results.ts'
import { messagesIn, readRecording } from '../protocol/recorded.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'
import { asRecorded, comparable, recordedMessages } from '../support/vectors.ts'
import { waitFor } from '../support/wait-for.ts'

test('chord-redis: our counted chord gives the messages that Python sent', async () => {
  const app = embeddedApp({ queues: ['proj'] })
  const add = app.task('proj.tasks.add', (x: number, y: number) => x + y)
  const published = publishedBy(app)
  const body = app.signature('proj.tasks.tsum')
  await chord([add.s(1, 1), add.s(2, 2), add.s(3, 3)], body).applyAsync()
  expect(comparable(published())).toEqual(comparable(recordedMessages('chord-redis')))
})

test('redis-chord-in-progress: the last member publishes the body as Python’s did', async () => {
  const app = embeddedApp({ queues: ['proj'] })
  const add = app.task('proj.tasks.add', (x: number, y: number) => x + y)
  const slow = app.task('proj.tasks.sleep', (seconds: number) => seconds)
  const published = publishedBy(app)
  await startWorker(app, { queues: ['proj'], concurrency: 1 })
  await chord([add.s(1, 1), slow.s(1.5)], app.signature('proj.tasks.echo')).applyAsync()
  const body = await waitFor('the body', () =>
    published().find(({ headers }) => headers.task === 'proj.tasks.echo'),
  )
  const { body_message: recorded } = readRecording<{ body_message: typeof body }>(
    'redis-chord-in-progress',
  )
  expect(comparable([body])).toEqual(comparable([recorded]))
})

test('chord-database-run: celery.chord_unlock of Python is retried and ended here as there', async () => {
  const { app, unlock, members } = await unlocking()
  const published = publishedBy(app)
  await app.broker().publish(unlock, { exchange: 'task_exchange', routingKey: 'celery' })
  await waitFor('the first retry', () => published().length >= 2)
  const results = await app.results()
  await results.save({ ...success(2), taskId: members[0] })
  await results.save({ ...success(2.6), taskId: members[1] })
  const ours = await waitFor('the body', () => {
    const body = published().find(({ headers }) => headers.task === 'proj.tasks.echo')
    return body && [published()[1], body].filter((message) => message !== undefined)
  })
  const recorded = recordedMessages('chord-database-run')
  const [retry, body] = [recorded[0], recorded.at(-1)].filter((message) => message !== undefined)
  expect(comparable(ours)).toEqual(comparable([retry, body].filter((one) => one !== undefined)))
})

test('chord-database-failed: the body of a chord that failed is given a ChordError, as Python gives it', async () => {
  const { row } = readRecording<{ row: { result: { bytea_hex: string } } }>('chord-database-failed')
  const theirs = readPickle(Buffer.from(row.result.bytea_hex, 'hex')) as Record<string, unknown>
  const { app, unlock, members, bodyId } = await unlocking()
  const results = await app.results()
  const error = { excType: 'CustomError', excModule: 'proj.app', excMessage: [42, 'bad thing'] }
  await results.save({ ...success(2), taskId: members[0] })
  await results.save({ ...failure(error, 'traceback'), taskId: members[1] })
  await app.broker().publish(unlock, { exchange: 'task_exchange', routingKey: 'celery' })
  const { status, result } = await results.waitFor(bodyId, { timeoutMs: 5_000 })
  expect({ status, result }).toMatchObject({
    status: 'FAILURE',
    result: { excType: theirs.exc_type, excModule: theirs.exc_module },
  })
  // Theirs is the error alone; ours says whose it is as well.
  const [text] = (result as { excMessage: unknown[] }).excMessage
  expect(text).toContain([...(theirs.exc_message as string[])][0])
  expect(text).toContain(members[1])
})

/** A worker of the queue celery, and Python's message that waits for a chord, as it was before its first retry. */
async function unlocking(): Promise<{
  app: CeleryApp
  unlock: Message
  members: [string, string]
  bodyId: string
}> {
  const app = embeddedApp({ queues: ['proj'], result_chord_retry_interval: 0.01 })
  await startWorker(app, { queues: ['celery'] })
  const [recorded] = messagesIn('chord-database-run')
  if (recorded === undefined) throw new Error('nothing is recorded')
  const { message } = recorded
  const [[, body], { result }] = JSON.parse(String(message.body)) as [
    [string, { options: { task_id: string } }],
    { result: [[string, null], null][] },
  ]
  const [first = '', second = ''] = result.map(([[id]]) => id)
  return {
    app,
    unlock: {
      ...message,
      headers: { ...message.headers, retries: 0, eta: null, parent_id: null },
    },
    members: [first, second],
    bodyId: body.options.task_id,
  }
}

/** What the app has published, in the form of the recordings. */
function publishedBy(app: CeleryApp) {
  const publish = vi.spyOn(app.broker(), 'publish')
  return () =>
    publish.mock.calls
      .map(([message]) => message)
      .filter(({ headers }) => headers.task !== undefined)
      .map(asRecorded)
}
