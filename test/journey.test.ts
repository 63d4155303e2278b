import { describe, expect, test } from 'vitest'
import { type CeleryApp, chain, chord } from '../src/index.ts'
import { decodeTask } from '../src/protocol/tasks/decode-task.ts'
import { sqsSpace } from './brokers/sqs/fauxqs.ts'
import { embeddedApp, startWorker } from './support/embedded-app.ts'
import { mirrored } from './support/vectors.ts'

describe.each([
  ['in memory', async (queues: readonly string[]) => embeddedApp({ queues })],
  ['on Amazon SQS', onSqs],
] as const)('%s', (_, open) => {
  test('a call goes to its work queue and to the platform queue, is run, and its caller gets the result', async () => {
    // publish: resolved, so the broker has it
    const app = await open(['export'])
    const add = app.task('export.add', async (x: number, y: number) => x + y)
    const result = await add.delay(2, 3)

    // exchange and queues: one for whoever runs it, one for the monitor
    const depths = await Promise.all(
      ['export', 'celery', 'platform.fifo'].map(async (queue) => app.broker().depth(queue)),
    )
    expect(depths.map(({ messages }) => messages)).toEqual([1, 0, 1])

    // worker and result
    await startWorker(app)
    expect(await result.get({ timeoutMs: 5_000 })).toBe(5)
    expect((await app.broker().depth('export')).messages).toBe(0)

    // what the monitor will read tells all of the call
    const copy = await app.broker().get('platform.fifo')
    expect(decodeTask(copy!.message, ['json'])).toMatchObject({
      id: result.id,
      task: 'export.add',
      args: [2, 3],
      rootId: result.id,
      argsrepr: '(2, 3)',
    })
  })

  test('what a task calls follows the same way, and knows where it came from', async () => {
    const app = await open(['export', 'msg'])
    const notify = app.task('msg.notify', { bind: true }, (self, slug: string) => [
      slug,
      self.request.parentId,
      self.request.rootId,
    ])
    const report = app.task('export.report', async (slug: string) => (await notify.delay(slug)).id)
    await startWorker(app)

    const outer = await report.delay('parcels')
    const innerId = await outer.get({ timeoutMs: 5_000 })

    const inner = await app.asyncResult(innerId).get({ timeoutMs: 5_000 })
    expect(inner).toEqual(['parcels', outer.id, outer.id])
    expect(await mirrored(app.broker())).toHaveLength(2)
  })

  test('a caller that waits for a chain or a chord learns that a task in it is not registered', async () => {
    const app = await open(['export'])
    const add = app.task('export.add', async (...numbers: number[]) => numbers.length)
    await startWorker(app)
    const unknown = app.signature('export.unknown', [1])
    const chained = await chain(add.s(1), unknown, add.s(2), add.s(3)).applyAsync()
    await expect(chained.get({ timeoutMs: 5_000 })).rejects.toMatchObject({
      excType: 'NotRegistered',
      excArgs: ['export.unknown'],
    })
    // @ts-expect-error: the body would get a list, if it were called
    const chorded = await chord([add.s(1), unknown], add.s()).applyAsync()
    await expect(chorded.get({ timeoutMs: 5_000 })).rejects.toMatchObject({ excType: 'ChordError' })
  })
})

async function onSqs(queues: readonly string[]): Promise<CeleryApp> {
  const { url, prefix } = await sqsSpace()
  return embeddedApp({
    queues,
    broker_url: url,
    broker_transport_options: { wait_time_seconds: 1 },
    QUEUE_PREFIX: prefix.slice(0, -1),
  })
}
