import { expect, onTestFinished, test } from 'vitest'
import { type Fault, type FaultyProxy, faultyProxy } from '../brokers/sqs/faulty-proxy.ts'
import { startWorker } from '../support/embedded-app.ts'
import { freshSqsPlace, readyIn, type SqsPlace, sqsApp } from '../support/sqs-app.ts'
import { waitFor } from '../support/wait-for.ts'

const PATIENCE = { deadlineMs: 60_000 }
const SLOW = 120_000
const TASKS = 200

const refusal = (status: number, type: string): Fault => ({
  status,
  body: { __type: type, message: 'oh' },
})

/** Each call has the fault with this probability. */
const FAULTS: readonly (readonly [string, Fault, number])[] = [
  ['connections that are refused', 'reset', 0.3],
  ['answers that are lost', 'lost', 0.2],
  ['errors of the server', refusal(500, 'InternalFailure'), 0.3],
  ['throttling', refusal(400, 'com.amazonaws.sqs#RequestThrottled'), 0.3],
  ['an expired token', refusal(403, 'ExpiredTokenException'), 0.3],
  ['a clock that is wrong', refusal(403, 'RequestTimeTooSkewed'), 0.3],
  ['answers of another program', { status: 200, body: 'no JSON of SQS' }, 0.2],
  ['half of each batch refused', { change: halfRefused }, 0.5],
  ['wrong checksums', { change: wrongChecksums }, 0.2],
]

test.each(FAULTS)(
  '%s lose no task, and end by themselves',
  async (_, fault, probability) => {
    const { place, proxy, ran, publish } = await started()
    let next = seededRandom()
    proxy.fault = () => (next() < probability ? fault : 'pass')
    await publish(TASKS)
    await waitFor('every task', () => ran.size === TASKS, PATIENCE)
    next = () => 1
    await waitFor('an empty queue', () => heldIn(place, 'export') === 0, PATIENCE)
    const mirrored = readyIn(place, 'platform.fifo').filter(({ messageDeduplicationId }) =>
      messageDeduplicationId?.endsWith('-0-task'),
    )
    expect(mirrored).toHaveLength(TASKS)
  },
  SLOW,
)

test(
  'a server that takes a second for each call is waited for',
  async () => {
    const { proxy, ran, publish } = await started()
    proxy.delayMs = 1_000
    await publish(TASKS)
    await waitFor('every task', () => ran.size === TASKS, PATIENCE)
  },
  SLOW,
)

test(
  'a poll that never ends is given up, and the next one brings the task',
  async () => {
    const { proxy, ran, publish } = await started()
    let hanging = 2
    proxy.fault = (action) => {
      if (action !== 'ReceiveMessage' || hanging === 0) return 'pass'
      hanging -= 1
      return 'hang'
    }
    await waitFor('a poll', () => hanging < 2)
    await publish(1)
    await waitFor('the task', () => ran.size === 1, PATIENCE)
  },
  SLOW,
)

test(
  'a queue that is deleted is made again, and tasks run on',
  async () => {
    const { place, proxy, ran, publish } = await started()
    await publish(5)
    await waitFor('the first tasks', () => ran.size === 5, PATIENCE)
    proxy.calls.length = 0
    place.space.server.deleteQueue(place.space.nameOf('export'), { region: 'us-west-2' })
    await waitFor('the queue to be made again', () => proxy.calls.includes('CreateQueue'), PATIENCE)
    ran.clear()
    await publish(10)
    await waitFor('all of the others', () => ran.size === 10, PATIENCE)
  },
  SLOW,
)

async function started() {
  const place = await freshSqsPlace()
  const proxy: FaultyProxy = await faultyProxy(place.space.server.port)
  const app = sqsApp(place, {
    broker_url: `sqs://key:secret@127.0.0.1:${proxy.port}`,
    broker_transport_options: { wait_time_seconds: 1, visibility_timeout: 5 },
    result_backend: 'disabled://',
    task_acks_late: true,
  })
  onTestFinished(() => {
    proxy.fault = () => 'pass'
  })
  const ran = new Set<number>()
  const note = app.task('export.note', async (n: number) => void ran.add(n))
  await startWorker(app, { queues: ['export'], concurrency: 20 })
  const publish = async (count: number): Promise<void> => {
    const numbers = Array.from({ length: count }, (_, n) => n)
    await Promise.all(numbers.map((n) => note.applyAsync([n])))
  }
  return { place, proxy, ran, publish }
}

/** The server did it all, and half is said to have failed. */
function halfRefused(answer: Record<string, unknown>): unknown {
  const { Successful } = answer
  if (!Array.isArray(Successful)) return answer
  const half = Math.floor(Successful.length / 2)
  const failed = (Successful as { Id: string }[])
    .slice(half)
    .map(({ Id }) => ({ Id, Code: 'InternalError', SenderFault: false }))
  return { Successful: Successful.slice(0, half), Failed: failed }
}

function wrongChecksums(answer: Record<string, unknown>): unknown {
  const { Messages, Successful } = answer as { Messages?: object[]; Successful?: object[] }
  const wrong = 'x'.repeat(32)
  return {
    ...answer,
    ...(Messages && { Messages: Messages.map((one) => ({ ...one, MD5OfBody: wrong })) }),
    ...(Successful && {
      Successful: Successful.map((one) => ({ ...one, MD5OfMessageBody: wrong })),
    }),
  }
}

function seededRandom(): () => number {
  let state = 42
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
}

function heldIn({ space }: SqsPlace, queue: string): number {
  const { messages } = space.server.inspectQueue(space.nameOf(queue)) ?? {}
  return (messages?.ready.length ?? 0) + (messages?.inflight.length ?? 0)
}
