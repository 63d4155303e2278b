import { randomUUID } from 'node:crypto'
import { sleep } from '../async/sleep.ts'
import type { CeleryApp } from '../create-app.ts'
import { TaskError } from '../errors.ts'
import { MemoryResultStore } from '../results/memory/memory-store.ts'
import type { Worker } from '../worker/worker.ts'
import type { WorkerOptions } from '../worker/worker-options.ts'
import { FakeClock } from './fake-clock.ts'
import {
  type ExpectedCall,
  type PublishedMessage,
  publishedMessage,
  requirePublished,
} from './published.ts'
import { TestBroker } from './test-broker.ts'

export interface TestAppOptions {
  /** Options of the worker that runs the tasks; false starts none: calls are published, and stay. */
  readonly worker?: WorkerOptions | false
}

/** An app whose broker and results are in memory while a test runs. */
export interface TestApp extends AsyncDisposable {
  readonly app: CeleryApp
  /** Moves the time of messages with an eta: countdowns, retries. */
  readonly clock: FakeClock
  /** All that was published, in order. */
  readonly published: readonly PublishedMessage[]
  /** The calls of this task that are as expected; throws an AssertionError where there is none. */
  expectPublished(task: string, expected?: ExpectedCall): readonly PublishedMessage[]
  /** Resolves once nothing runs and nothing waits, but what the clock holds back. */
  idle(): Promise<void>
  /** Stops the worker; the app may be started for another test. */
  close(): Promise<void>
}

/**
 * Puts the app of your own code onto a broker and results in memory, with real messages, and starts a worker of this
 * process. To be called before the app has connected to anything.
 */
export async function startTestApp(
  app: CeleryApp,
  { worker: workerOptions = {} }: TestAppOptions = {},
): Promise<TestApp> {
  const name = `test-${randomUUID()}`
  const clock = new FakeClock({
    nextDueMs: () => broker.nextDueMs(),
    runDue: async () => {
      await broker.deliverDue()
      await idle()
    },
  })
  const broker = new TestBroker(name, () => clock.now.getTime())
  await app.useConnections({ broker, results: new MemoryResultStore({ name }) })
  await app.setUp()
  const worker = workerOptions === false ? undefined : await started(app, workerOptions)
  const idle = async (): Promise<void> => {
    if (worker !== undefined) await untilIdle(app, broker, worker)
  }
  const close = async (): Promise<void> => {
    await worker?.stop({ graceMs: 0 })
    await app.useConnections({})
    await broker.close()
  }
  return {
    app,
    clock,
    get published() {
      return broker.published.map(publishedMessage)
    },
    expectPublished: (task, expected = {}) =>
      requirePublished(broker.published.map(publishedMessage), task, expected),
    idle,
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function started(app: CeleryApp, options: WorkerOptions): Promise<Worker> {
  const worker = app.worker({ heartbeat: false, queues: app.config.workQueues(), ...options })
  await worker.start()
  return worker
}

const PATIENCE_MS = 30_000
/** Between two looks there is a turn of the event loop: a task that has ended may publish others. */
const LOOKS = 3

async function untilIdle(app: CeleryApp, broker: TestBroker, worker: Worker): Promise<void> {
  const endsAt = performance.now() + PATIENCE_MS
  for (let quiet = 0; quiet < LOOKS; ) {
    const depths = await Promise.all(
      app.config.workQueues().map(async (queue) => (await broker.depth(queue)).messages),
    )
    const isQuiet = worker.running === 0 && depths.every((messages) => messages === 0)
    quiet = isQuiet ? quiet + 1 : 0
    if (performance.now() > endsAt) {
      throw new TaskError(
        'TASK_INVALID',
        `tasks still run after ${PATIENCE_MS / 1_000} s: ${worker.running}`,
      )
    }
    await sleep(1)
  }
}
