import { expect, onTestFinished, test } from 'vitest'
import { Config } from '../../src/config/config.ts'
import { createApp } from '../../src/create-app.ts'
import { MemoryTransport, RecipeWrapper } from '../../src/recipes/index.ts'
import { CeleryTask } from '../../src/services/celery-task.ts'
import { startTestApp } from '../../src/testing/index.ts'
import { waitFor } from '../support/wait-for.ts'

test('a step calls a task and sends its result on, a failure to the output of failures', async () => {
  const { run, sent, tasks } = await started()
  await run({ task: 'export.add', args: [2, 3] }, { result: 2, failure: 3 })
  expect(await sent(1)).toMatchObject([{ queue: 'done', payload: 5, 'recipe-path': [1] }])
  await run({ task: 'export.add', kwargs: {} }, 2, 'only argument')
  expect((await sent(2))[1]).toMatchObject({ queue: 'done', payload: 'only argumentundefined' })
  await run({ task: 'export.fail' }, { result: 2, failure: 3 })
  expect((await sent(3))[2]).toMatchObject({
    queue: 'failed',
    payload: {
      task: 'export.fail',
      state: 'FAILURE',
      exception: 'TypeError',
      message: 'TypeError: no',
    },
  })
  expect(tasks()).toMatchObject([
    { task: 'export.add' },
    { task: 'export.add' },
    { task: 'export.fail' },
  ])
})

test("a step's queue is where its task goes, whatever its name", async () => {
  const { run, sent, tasks } = await started()
  await run({ task: 'export.add', args: [2, 3], queue: 'other' }, 2)
  expect(await sent(1)).toMatchObject([{ payload: 5 }])
  expect(tasks()).toMatchObject([{ routingKey: 'other' }])
})

test('a message that is delivered again finds the task that it had called', async () => {
  const { run, sent, transport, tasks, killNextSend } = await started()
  killNextSend()
  await run({ task: 'export.add', args: [2, 3] }, 2)
  expect(await sent(1)).toMatchObject([{ payload: 5 }])
  expect(tasks()).toHaveLength(1)
  expect(await transport.depth('celery.task')).toBe(0)
})

test('a failed task without an output for it, and a step without a task, are dead letters', async () => {
  const { run, transport, tasks } = await started()
  await run({ task: 'export.fail' }, 2)
  await run({}, 2)
  await waitFor('both', async () => (await transport.depth('dlq.celery.task')) === 2, {
    deadlineMs: 20_000,
  })
  expect(tasks()).toHaveLength(1)
})

async function started() {
  const app = createApp(new Config({ queues: ['export', 'other'], dotenv: false, environment: {} }))
  app.task('export.add', (x: number, y: number) => x + y)
  app.task('export.fail', () => {
    throw new TypeError('no')
  })
  const memory = await startTestApp(app)
  onTestFinished(() => memory.close())
  const name = crypto.randomUUID()
  const transport = new MemoryTransport({ name })
  const service = new CeleryTask({ transport: new MemoryTransport({ name }), environment: { app } })
  let isKilled = false
  service.transport.addMiddleware?.({
    around: async (call, _args, next) => {
      if (call !== 'transactionCommit' || !isKilled) return await next()
      isKilled = false
      throw new Error('the service died')
    },
  })
  await service.start()
  onTestFinished(() => service.stop())
  const got: Record<string, unknown>[] = []
  for (const queue of ['done', 'failed']) {
    await transport.subscribe(
      queue,
      (_header, message) => void got.push({ queue, ...Object(message) }),
    )
  }
  return {
    transport,
    killNextSend: () => {
      isKilled = true
    },
    tasks: () => memory.published,
    run: async (parameters: object, output: unknown, payload: unknown = null) => {
      const recipe = {
        start: [[1, payload]],
        '1': { queue: 'celery.task', parameters, output },
        '2': { queue: 'done' },
        '3': { queue: 'failed' },
      }
      await new RecipeWrapper({
        recipe,
        environment: { ID: crypto.randomUUID() },
        transport,
      }).start()
    },
    sent: async (count: number) => {
      await waitFor(`${count} messages`, () => got.length >= count, { deadlineMs: 20_000 })
      return got
    },
  }
}
