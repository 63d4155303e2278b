import { randomUUID } from 'node:crypto'
import type { Message } from 'celery-toolbox'
import { type BenchPlace, benchApp } from './environment.ts'

/** Fills the platform queue with mirrored calls, each under an id of its own; `onSent` may end it by answering false. */
export async function feed(
  place: BenchPlace,
  count: number,
  onSent?: (sent: number) => Promise<boolean>,
): Promise<void> {
  const app = benchApp(place, 'none')
  await app.setUp()
  const broker = app.broker()
  const route = { exchange: '', routingKey: 'platform.fifo' }
  for (let sent = 0; sent < count; sent += BATCH) {
    const some = Math.min(BATCH, count - sent)
    const calls = Array.from({ length: some }, (_, at) => ({ message: call(sent + at), route }))
    await broker.publishMany(calls)
    if ((await onSent?.(sent + some)) === false) break
  }
  await app.close()
}

const BATCH = 1_000

/** As `app.sendTask('export.add', [at, 'some text'], { slug })` publishes it. */
function call(at: number): Message {
  const id = randomUUID()
  const args = [at, 'some text']
  const kwargs = { slug: `project-${at}` }
  return {
    headers: {
      lang: 'js',
      task: 'export.add',
      id,
      root_id: id,
      parent_id: null,
      group: null,
      shadow: null,
      eta: null,
      expires: null,
      retries: 0,
      timelimit: [null, null],
      argsrepr: `(${at}, 'some text')`,
      kwargsrepr: `{'slug': 'project-${at}'}`,
      origin: 'gen@bench',
      ignore_result: true,
    },
    properties: {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      deliveryMode: 2,
      priority: 0,
      correlationId: id,
    },
    body: Buffer.from(
      JSON.stringify([args, kwargs, { callbacks: null, errbacks: null, chain: null, chord: null }]),
    ),
  }
}
