import { expect, onTestFinished, test } from 'vitest'
import type { ConfigOptions } from '../../src/config/config.ts'
import { freshServers, liveApp, type Servers } from '../support/live-app.ts'
import { waitFor } from '../support/wait-for.ts'

// How many messages of RabbitMQ a worker has unacknowledged while tasks with an eta come and go.

const LATER = { countdown: 3_600 }

test('worker_eta_task_limit: a worker takes no more tasks with an eta than that, besides its prefetch', async () => {
  const { servers, send, begun } = await startedWorker({ worker_eta_task_limit: 5 })
  await send(['later', 20])
  expect(await takenOf(servers, 6)).toEqual({ ready: 14, unacknowledged: 6 })
  expect(begun).toEqual([])
})

test('tasks with an eta leave a worker its prefetch, and no more', async () => {
  const { servers, send, begun, finish } = await startedWorker({}, { concurrency: 2 })
  await send(['later', 12], ['wait', 16])
  const { unacknowledged } = await settledCounts(servers, () => begun.length === 2)
  // Those that are held, and the two that run; no more than as many again came to a consumer that was replaced.
  expect(unacknowledged).toBeLessThanOrEqual(12 + 2 + 2)
  // All of them run, two at a time.
  for (let n = 1; n <= 16; n += 1) {
    await waitFor(`task ${n} to begin`, () => begun.length === Math.min(n + 1, 16))
    finish()
  }
  expect(await settledCounts(servers, ({ ready }) => ready === 0)).toMatchObject({
    unacknowledged: 12,
  })
})

interface Started {
  readonly servers: Servers
  readonly begun: readonly unknown[]
  readonly finish: () => void
  readonly send: (...calls: (readonly ['later' | 'wait', number])[]) => Promise<void>
}

async function startedWorker(
  settings: Partial<ConfigOptions>,
  { concurrency = 1 } = {},
): Promise<Started> {
  const servers = await freshServers(['export'])
  const app = liveApp(servers, {
    task_acks_late: true,
    worker_prefetch_multiplier: 1,
    task_ignore_result: true,
    ...settings,
  })
  const begun: (() => void)[] = []
  let finished = 0
  const wait = app.task('export.wait', () => new Promise<void>((done) => void begun.push(done)))
  const worker = app.worker({ concurrency })
  await worker.start()
  onTestFinished(() => worker.stop({ graceMs: 0 }))
  return {
    servers,
    begun,
    finish: () => {
      begun[finished]?.()
      finished += 1
    },
    send: async (...calls) => {
      for (const [kind, times] of calls) {
        for (let n = 0; n < times; n += 1) {
          await wait.applyAsync([], kind === 'later' ? LATER : {})
        }
      }
    },
  }
}

interface Taken {
  readonly ready: number
  readonly unacknowledged: number
}

/** The counts, once so many are unacknowledged and two looks in a row are the same. */
async function takenOf(servers: Servers, expected: number): Promise<Taken> {
  return await settledCounts(servers, ({ unacknowledged }) => unacknowledged >= expected)
}

async function settledCounts(
  { vhost }: Servers,
  isReached: (taken: Taken) => boolean,
): Promise<Taken> {
  let last: Taken | undefined
  return await waitFor('the counts of the queue', async () => {
    const taken = await countsOf(vhost)
    const isSame = taken.ready === last?.ready && taken.unacknowledged === last.unacknowledged
    last = taken
    return isReached(taken) && isSame ? taken : undefined
  })
}

async function countsOf({ rabbitmqctl }: Servers['vhost']): Promise<Taken> {
  const columns = ['name', 'messages_ready', 'messages_unacknowledged']
  const rows: readonly Record<string, unknown>[] = JSON.parse(
    await rabbitmqctl('list_queues', ...columns, '--formatter', 'json'),
  )
  const row = rows.find(({ name }) => name === 'export')
  return {
    ready: Number(row?.messages_ready),
    unacknowledged: Number(row?.messages_unacknowledged),
  }
}
