import { randomUUID } from 'node:crypto'
import { type MessageAttributeValue, SQS } from '@aws-sdk/client-sqs'
import { expect, onTestFinished, test } from 'vitest'
import { sqsQueueName } from '../../../src/brokers/sqs/queues/queue-name.ts'
import { Config } from '../../../src/config/config.ts'
import { createApp } from '../../../src/create-app.ts'
import { Monitor } from '../../../src/monitor/monitor.ts'
import { recordingLogger, startWorker } from '../../support/embedded-app.ts'
import { migratedDatabase } from '../../support/live-app.ts'
import { freshDatabase } from '../../support/postgres.ts'
import { waitFor } from '../../support/wait-for.ts'
import { distantEnvelopes, spoiledEnvelopes } from './spoiled-envelopes.ts'

const PATIENCE = { deadlineMs: 60_000, everyMs: 200 }
const MINUTES = 60_000
/** A message that is received again, as it was neither settled nor kept, comes too late for this test. */
const WAIT = { wait_time_seconds: 1, visibility_timeout: 600 }

/** What a server of SQS at `host` may hold, to workers and monitors. */
export function spoiledEnvelopesContract(host: () => Promise<string>): void {
  test('spoiled envelopes run or are kept, each once, and the next task runs', {
    timeout: 3 * MINUTES,
  }, async () => {
    const place = await openPlace(await host())
    const { app, logger } = place
    let ran = 0
    const note = app.task('export.note', () => {
      ran += 1
    })
    await startWorker(app, { queues: ['export'], concurrency: 20 })
    const texts = spoiledEnvelopes('export.note')
    await place.send('export', texts)
    await waitFor('an empty queue', () => place.isEmpty('export'), PATIENCE)
    const kept = logger.lines.filter(({ sentence }) => sentence.startsWith('kept a message'))
    expect(ran + kept.length).toBe(texts.length)
    expect(await place.letters('dlq.export')).toBe(kept.length)
    await note.delay()
    await waitFor('one more', () => ran + kept.length > texts.length, PATIENCE)
    expect(logger.lines.filter(({ level }) => level === 'warn')).toEqual([])
  })

  test('tasks that are due in hours are sent on, whatever their group is', async () => {
    const place = await openPlace(await host())
    place.app.task('export.note', () => undefined)
    await startWorker(place.app, { queues: ['export'], concurrency: 20 })
    const texts = distantEnvelopes('export.note')
    await place.send('export', texts)
    await waitFor(
      'all to be sent on',
      async () => (await place.delayed('export')) === texts.length,
      PATIENCE,
    )
    expect(place.logger.lines.filter(({ level }) => level !== 'info')).toEqual([])
  })

  test('spoiled envelopes are recorded or put into quarantine, each once', {
    timeout: 3 * MINUTES,
  }, async () => {
    const place = await openPlace(await host())
    const database = await migratedDatabase(await freshDatabase())
    const { config } = place.app
    const monitor = new Monitor({ broker: place.app.broker(), database, config })
    await monitor.start()
    onTestFinished(() => monitor.stop())
    const texts = [...spoiledEnvelopes('export.note'), ...distantEnvelopes('export.note')]
    await place.send('platform.fifo', texts)
    const recorded = async (): Promise<number> => {
      const [row] = await database.query<{ count: number }>(
        `select (select count(*) from monitor.message) + (select count(*) from monitor.quarantine) as count`,
      )
      return Number(row?.count)
    }
    await waitFor('an empty queue', () => place.isEmpty('platform.fifo'), PATIENCE)
    expect(await recorded()).toBe(texts.length)
  })
}

async function openPlace(host: string) {
  const prefix = `t${randomUUID().slice(0, 8)}-`
  const config = new Config({
    queues: ['export'],
    QUEUE_PREFIX: prefix.slice(0, -1),
    broker_url: `sqs://key:secret@${host}`,
    broker_transport_options: {
      ...WAIT,
      region: 'us-east-1',
      fetch_message_attributes: { MessageAttributeNames: ['All'] },
    },
    result_backend: 'disabled://',
    dotenv: false,
    environment: {},
  })
  const logger = recordingLogger()
  const app = createApp(config, { logger })
  onTestFinished(() => app.close())
  const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' }
  const sqs = new SQS({ region: 'us-east-1', endpoint: `http://${host}`, credentials })
  onTestFinished(() => sqs.destroy())
  const urlOf = async (queue: string) =>
    (await sqs.getQueueUrl({ QueueName: sqsQueueName(queue, prefix) })).QueueUrl
  const countOf = async (queue: string, ...kinds: readonly Kind[]): Promise<number> => {
    const { Attributes = {} } = await sqs.getQueueAttributes({
      QueueUrl: await urlOf(queue),
      AttributeNames: [...kinds],
    })
    return kinds.reduce((sum, kind) => sum + Number(Attributes[kind] ?? 0), 0)
  }
  return {
    app,
    logger,
    delayed: (queue: string) => countOf(queue, 'ApproximateNumberOfMessagesDelayed'),
    /** Nothing waits, and nothing is in hands. */
    isEmpty: async (queue: string): Promise<boolean> =>
      (await countOf(
        queue,
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
      )) === 0,
    /** Whole ones: of one in parts, the first part counts. */
    letters: async (queue: string): Promise<number> => {
      const parts = await countOf(queue, 'ApproximateNumberOfMessages')
      return parts - PARTED
    },
    send: async (queue: string, texts: readonly string[]): Promise<void> => {
      const QueueUrl = await urlOf(queue)
      const send = async (MessageBody: string, at: number): Promise<unknown> =>
        sqs.sendMessage({
          QueueUrl,
          MessageBody,
          ...(at % 10 === 0 && MessageBody.length < 10_000 && { MessageAttributes: ATTRIBUTES }),
          ...(queue.endsWith('.fifo') && {
            MessageGroupId: `{"g": ${at % 7}}`.replace(' ', ''),
            MessageDeduplicationId: `d${at}`,
          }),
        })
      const all = [...texts.entries()]
      while (all.length > 0)
        await Promise.all(all.splice(0, AT_ONCE).map(([at, text]) => send(text, at)))
    },
  }
}

const AT_ONCE = 10
/** The one text that is as large as SQS takes. */
const PARTED = 1

type Kind =
  | 'ApproximateNumberOfMessages'
  | 'ApproximateNumberOfMessagesNotVisible'
  | 'ApproximateNumberOfMessagesDelayed'

const ATTRIBUTES: Readonly<Record<string, MessageAttributeValue>> = {
  bytes: { DataType: 'Binary.png', BinaryValue: Buffer.from([0, 255, 254]) },
  number: { DataType: 'Number.huge', StringValue: '1e100' },
  toString: { DataType: 'String', StringValue: '{"toString": 1}' },
}
