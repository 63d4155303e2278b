import { expect, test } from 'vitest'
import { encodeTask } from '../../src/protocol/tasks/encode-task.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'
import { waitFor } from '../support/wait-for.ts'

/** A message names as many as it likes. */
const COUNT = 5_000
/** So many are under way at a time, and what they come from. */
const MOST = 1_100
const LONG = { timeout: 60_000 }

test('the steps that a failure cuts off are failed some at a time', LONG, async () => {
  const { app, publish } = await startedApp()
  const results = await app.results()
  const saves = counting(results, 'save')
  await publish('export.fails', { chain: steps() })
  await waitFor('the failure of all', () => saves.ended > COUNT, { deadlineMs: 50_000 })
  expect(saves.most).toBeLessThan(MOST)
  expect(await app.asyncResult('step-0').status()).toBe('FAILURE')
})

test.each([
  ['callbacks', 'export.works', { callbacks: steps() }],
  ['errbacks', 'export.fails', { errbacks: steps() }],
  ['members of a group', 'export.works', { callbacks: [whole('group', { tasks: steps() })] }],
  [
    'members of a chord',
    'export.works',
    { callbacks: [whole('chord', { header: steps(), body: step('body'), kwargs: {} })] },
  ],
])('%s are published some at a time', LONG, async (_what, task, follow) => {
  const { app, publish } = await startedApp()
  const publishes = counting(app.broker(), 'publish')
  await publish(task, follow)
  await waitFor('all of them', () => publishes.ended > COUNT, { deadlineMs: 50_000 })
  expect(publishes.most).toBeLessThan(MOST)
})

async function startedApp() {
  const app = embeddedApp({ queues: ['export', 'later'] })
  app.task('export.fails', () => {
    throw new RangeError('it fails')
  })
  app.task('export.works', () => 'works')
  app.task('later.step', { queue: 'later' }, () => undefined)
  await startWorker(app, { queues: ['export'] })
  const publish = async (task: string, call: object): Promise<void> => {
    const message = encodeTask({ id: 'first', task, args: [], ...call })
    await app.broker().publish(message, { exchange: 'task_exchange', routingKey: 'export' })
  }
  return { app, publish }
}

/** How many calls of a method are under way at a time, at most. */
function counting<Name extends string>(
  of: { [key in Name]: (...args: never[]) => Promise<unknown> },
  name: Name,
) {
  const counted = { under: 0, most: 0, ended: 0 }
  const method = of[name].bind(of)
  of[name] = async (...args) => {
    counted.under += 1
    counted.most = Math.max(counted.most, counted.under)
    try {
      return await method(...args)
    } finally {
      counted.under -= 1
      counted.ended += 1
    }
  }
  return counted
}

function steps() {
  return Array.from({ length: COUNT }, (_, n) => step(`step-${n}`))
}

function step(id: string) {
  const options = { task_id: id }
  return { task: 'later.step', args: [], kwargs: {}, options, subtask_type: null, immutable: true }
}

function whole(type: string, kwargs: object) {
  const task = `celery.${type}`
  return { task, args: [], kwargs, options: {}, subtask_type: type, immutable: true }
}
