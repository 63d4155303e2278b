import { describe, expect, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { waitFor } from '../support/wait-for.ts'
import { type Bomb, bombsOf, withBody } from './hostile/bombs.ts'
import { ANSWERED, eventBombs } from './hostile/event-bombs.ts'
import { manySteps, STEPS } from './hostile/many-steps.ts'
import {
  endOf,
  isRecorded,
  kept,
  LONG,
  MINUTES,
  openPlace,
  type Place,
  TASKS,
} from './hostile/place.ts'
import { allowedMb, MOST_PAUSE_MS, type Watched } from './hostile/watched.ts'

/** `npm run test:hostile`: bodies of 60 MB, expanded. */
const BYTES = Number(process.env.HOSTILE_MB ?? 4) * 1_000_000

describe('a worker and a monitor', { timeout: 20 * MINUTES }, () => {
  test(`read or keep each message of ${BYTES / 1e6} MB, in their memory and without a pause`, async () => {
    const place = await openPlace()
    const faults: string[] = []
    for (const bomb of bombsOf(BYTES)) faults.push(...(await struckBy(bomb, place)))
    expect(faults).toEqual([])
  })

  test('take a hundred messages of 4 MB that wait for them in the memory that one may take', async () => {
    const { worker, monitor, broker, database } = await openPlace()
    const body = Buffer.from(`[["${'a'.repeat(4_000_000)}"],{},{}]`)
    await Promise.all([worker.reset(), monitor.reset()])
    for (const { process: waiting } of [worker, monitor]) process.kill(waiting.pid, 'SIGSTOP')
    for (let at = 0; at < 100; at += 1) {
      await broker.publish(withBody(`many-${at}`, body, {}), TASKS, { deadlineMs: MINUTES })
    }
    for (const { process: waiting } of [worker, monitor]) process.kill(waiting.pid, 'SIGCONT')
    await waitFor('all to be run and recorded', async () => (await counted(database)) === 200, LONG)
    const one = { name: 'many', bytes: body.length }
    expect([...figuresOf('worker', worker, one), ...figuresOf('monitor', monitor, one)]).toEqual([])
  })

  test('take a hundred messages of 4 MB after thousands of short ones in the memory that one may take', async () => {
    const { monitor, broker, database } = await openPlace()
    const copies = { exchange: '', routingKey: 'platform.fifo' }
    const publish = async (count: number, text: string): Promise<void> => {
      const body = Buffer.from(`[["${text}"],{},{}]`)
      for (let at = 0; at < count; at += 1)
        await broker.publish(withBody(`${count}-${at}`, body, {}), copies, { deadlineMs: MINUTES })
    }
    await publish(2_000, 'short')
    await waitFor('the short ones', async () => (await counted(database)) === 2_000, LONG)
    await monitor.reset()
    process.kill(monitor.process.pid, 'SIGSTOP')
    await publish(100, 'a'.repeat(4_000_000))
    process.kill(monitor.process.pid, 'SIGCONT')
    await waitFor('all to be recorded', async () => (await counted(database)) === 2_100, LONG)
    expect(figuresOf('monitor', monitor, { name: 'long', bytes: 4_000_000 })).toEqual([])
  })

  test(`work on messages with ${STEPS} steps in their memory and without a pause`, async () => {
    const { worker, monitor, broker, database, quiet } = await openPlace()
    const faults: string[] = []
    for (const steps of manySteps(process.env.HOSTILE_MB !== undefined)) {
      await Promise.all([worker.reset(), monitor.reset()])
      await broker.publish(steps.message, TASKS, { deadlineMs: MINUTES })
      const isOver = async () => (await ended(steps.prefix, database)) === STEPS
      await waitFor(`the end of ${steps.name}`, isOver, { deadlineMs: 5 * MINUTES })
      await quiet()
      faults.push(...figuresOf('worker', worker, steps), ...figuresOf('monitor', monitor, steps))
    }
    expect(faults).toEqual([])
  })

  test(`take events and commands of ${BYTES / 1e6} MB, in their memory and without a pause`, async () => {
    const place = await openPlace()
    const { worker, monitor, app } = place
    const { event_exchange: exchange, control_exchange: control } = app.config
    const routes = [
      { exchange, routingKey: 'task.succeeded' },
      { exchange: `${control}.pidbox`, routingKey: '' },
    ]
    const figures: string[] = []
    for (const [at, bomb] of eventBombs(BYTES).entries()) {
      await Promise.all([worker.reset(), monitor.reset()])
      for (const route of routes) await place.broker.publish(bomb.message, route)
      await waitFor('what the worker says', () => answered(worker) > at, LONG)
      await place.quiet()
      figures.push(...figuresOf('worker', worker, bomb), ...figuresOf('monitor', monitor, bomb))
    }
    expect(figures).toEqual([])
    await waitFor(
      'an answer',
      async () => Object.keys(await app.control.inspect().ping()).length > 0,
    )
  })
})

/** Messages that are recorded, and results that are stored. */
async function counted(database: Database): Promise<number> {
  const [row] = await database.query<{ count: number }>(
    'select (select count(*) from monitor.message) + (select count(*) from celery_taskmeta) as count',
  )
  return Number(row?.count)
}

/** How many tasks with such ids have a result that is final. */
async function ended(prefix: string, database: Database): Promise<number> {
  const [row] = await database.query<{ count: number }>(
    "select count(*) from celery_taskmeta where starts_with(task_id, $1) and status in ('SUCCESS', 'FAILURE')",
    [prefix],
  )
  return Number(row?.count)
}

/** A command is acknowledged before it is read. */
function answered(worker: Watched): number {
  return worker.process.output.match(ANSWERED)?.length ?? 0
}

/** What is wrong with how the two take it. */
async function struckBy(bomb: Bomb, place: Place): Promise<string[]> {
  const { worker, monitor, database } = place
  const id = `bomb-${bomb.name}`
  const keptBefore = await kept(place)
  await Promise.all([worker.reset(), monitor.reset()])
  await place.broker.publish(await bomb.message(id), TASKS)
  const end = await waitFor(`the end of ${bomb.name}`, () => endOf(id, place, keptBefore), LONG)
  await waitFor(`the record of ${bomb.name}`, () => isRecorded(id, database), LONG)
  const figures = [...figuresOf('worker', worker, bomb), ...figuresOf('monitor', monitor, bomb)]
  const isAsExpected = bomb.end === undefined || end === bomb.end
  const wrong = isAsExpected ? figures : [...figures, `it ${end}, expected that it ${bomb.end}`]
  return wrong.map((problem) => `${bomb.name}: ${problem}`)
}

function figuresOf(
  name: string,
  { mostMb, longestPauseMs }: Watched,
  { bytes, name: bomb }: Pick<Bomb, 'bytes' | 'name'>,
): string[] {
  if (process.env.HOSTILE_MB !== undefined)
    console.log(
      `${bomb}: ${name} ${mostMb.toFixed(0)} MB of ${allowedMb(bytes).toFixed(0)}, ${longestPauseMs} ms`,
    )
  return [
    ...(mostMb > allowedMb(bytes) ? [`the ${name} took ${mostMb.toFixed(0)} MB for ${bomb}`] : []),
    ...(longestPauseMs > MOST_PAUSE_MS
      ? [`the ${name} was deaf for ${longestPauseMs} ms by ${bomb}`]
      : []),
  ]
}
