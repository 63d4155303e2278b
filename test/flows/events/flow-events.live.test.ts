import { createApp } from 'celery-toolbox'
import { Config } from 'celery-toolbox/config'
import {
  Board,
  Conductor,
  Engine,
  EventRelay,
  flowEvents,
  linear,
  MemoryStore,
  task,
  times,
  waitFor as waitForSignal,
} from 'celery-toolbox/flows'
import { familyTree, whyTask } from 'celery-toolbox/monitor'
import { expect, onTestFinished, test } from 'vitest'
import type { TreeNode } from '../../../src/monitor/queries/family-tree.ts'
import { openPlace, type Place, startMonitor } from '../../monitor/monitored.ts'
import { sorted } from '../../support/sorted.ts'
import { waitFor } from '../../support/wait-for.ts'

async function told(
  place: Place,
  flow: ReturnType<typeof linear>,
  values: Record<string, unknown> = {},
): Promise<{ readonly board: Board; readonly flowId: string }> {
  const app = createApp(
    new Config({
      broker_url: place.vhost.url,
      queues: ['export'],
      dotenv: false,
      environment: {},
    }),
  )
  const board = new Board(place.database)
  const conductor = new Conductor(board, {
    flows: { [flow.name]: flow },
    engine: { eventOf: flowEvents() },
  })
  const relay = new EventRelay(place.database, { app, everyMs: 50 })
  await conductor.start()
  await relay.start()
  onTestFinished(async () => {
    await conductor.stop()
    await relay.stop()
    await app.close()
  })
  const { flowId } = await board.post(flow, values)
  return { board, flowId }
}

async function stateOf({ database }: Place, taskId: string): Promise<string | undefined> {
  const [row] = await database.query<{ state: string }>(
    'select state from monitor.task where task_id = $1',
    [taskId],
  )
  return row?.state
}

function lines(nodes: readonly TreeNode[], depth = 0): string[] {
  return nodes.flatMap(({ task: { name, status }, children }) => [
    `${'  '.repeat(depth)}${name} ${status}`,
    ...lines(children, depth + 1),
  ])
}

test('a run is a family: the flow, each attempt at its steps, and their reverts, with what failed', async () => {
  const place = await openPlace()
  await startMonitor(place)
  const flow = linear(
    'ingest',
    { retry: times('attempts', { attempts: 2, provides: 'attempt' }) },
    [
      task('copy', { args: ['path'], provides: 'location', execute: ({ path }) => `at ${path}` }),
      task('check', {
        args: ['location'],
        execute: () => {
          throw new RangeError('too large')
        },
      }),
    ],
  )
  const { flowId } = await told(place, flow, { path: '/in/1' })
  // Messages of events are recorded side by side: the end of the flow may be there before that of a step.
  await waitFor('the end of the run and its steps', async () => {
    const over = await place.database.query(
      'select from monitor.task where monitor.state_class(state) = 2',
    )
    return over.length === 12
  })
  const tree = await familyTree(place.database, flowId)
  expect(sorted(lines(tree?.roots ?? []).map((line) => line.trim()))).toEqual([
    'attempts (revert) SUCCESS',
    'attempts SUCCESS',
    'attempts SUCCESS',
    'check (revert) SUCCESS',
    'check (revert) SUCCESS',
    'check FAILURE',
    'check FAILURE',
    'copy (revert) SUCCESS',
    'copy (revert) SUCCESS',
    'copy SUCCESS',
    'copy SUCCESS',
    'ingest FAILURE',
  ])
  expect(tree?.roots.map(({ task: { taskId } }) => taskId)).toEqual([flowId])
  const kinds = await place.database.query(
    'select kind, count(*)::int from monitor.task group by kind order by kind',
  )
  expect(kinds).toEqual([
    { kind: 'flow', count: 1 },
    { kind: 'flow-step', count: 11 },
  ])
  const [failed] = await place.database.query<{ exception: string; traceback: string }>(
    `select exception, traceback from monitor.task where name = 'check' and state = 'FAILURE' order by published_at limit 1`,
  )
  expect(failed?.exception).toBe('RangeError: too large')
  expect(failed?.traceback).toContain(`3 predecessors (most recent first):
  Atom 'copy' {'intention': 'EXECUTE', 'state': 'SUCCESS', 'requires': {'path': '/in/1'}, 'provides': 'at /in/1'}
  |__Atom 'attempts' {'intention': 'EXECUTE', 'state': 'SUCCESS', 'requires': {}, 'provides': 1}
     |__Flow 'ingest'`)
  // The broker had them, and the monitor may have recorded them, before the relay's transaction ends.
  await waitFor('an empty outbox', async () => {
    return (await place.database.query('select from flows.outbox')).length === 0
  })
})

test('`tasks why` says what a flow waits for', async () => {
  const place = await openPlace()
  await startMonitor(place)
  const flow = linear('approve', {}, [waitForSignal('approval', { timeout: '2d' })])
  const { board, flowId } = await told(place, flow)
  await waitFor('a waiting flow', async () => (await stateOf(place, flowId)) === 'SUSPENDED')
  const why = await whyTask(place.database, undefined, flowId)
  expect(why).toMatchObject({
    name: 'approve',
    status: 'SUSPENDED',
    why: [
      'it is suspended, and in no process',
      'it waits for the signal "approval"',
      expect.stringMatching(/^its flow continues at \d{4}-/),
    ],
    flow: { signals: ['approval'] },
  })
  await board.signal(flowId, 'approval', true)
  await waitFor('its end', async () => (await stateOf(place, flowId)) === 'SUCCESS')
})

test('where a store has no outbox, each event is sent once its transition is stored', async () => {
  const events: string[] = []
  const persist = new MemoryStore()
  const engine = new Engine(linear('f', {}, [task('a')]), {
    persist,
    eventOf: flowEvents(),
    onEvent: ({ type, fields }) => events.push(`${type} ${fields.name}`),
  })
  await engine.run()
  expect(events).toEqual([
    'flow-started f',
    'flow-step-started a',
    'flow-step-succeeded a',
    'flow-succeeded f',
  ])
})
