import { setTimeout as sleep } from 'node:timers/promises'
import {
  Board,
  Conductor,
  DatabaseStore,
  Engine,
  graph,
  linear,
  link,
  RemoteRelay,
  type Remotes,
  remote,
  task,
  times,
  waitFor,
} from 'celery-toolbox/flows'
import { Block, operator, toFlow } from 'celery-toolbox/streams'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Database } from '../../../src/database/database.ts'
import { openDatabase } from '../../../src/database/open-database.ts'
import { migratedDatabase } from '../../support/postgres.ts'
import { waitFor as waitUntil } from '../../support/wait-for.ts'

async function opened(): Promise<Database> {
  const database = await openDatabase({ url: await migratedDatabase() })
  onTestFinished(() => database.close())
  return database
}

async function conduct(
  board: Board,
  flows: ConstructorParameters<typeof Conductor>[1]['flows'],
  options = {},
): Promise<Conductor> {
  const conductor = new Conductor(board, { flows, ...options })
  await conductor.start()
  onTestFinished(() => conductor.stop())
  return conductor
}

test('a posted flow is run by a conductor, and its run can be read afterwards', async () => {
  const board = new Board(await opened())
  const double = linear('double', {}, [
    task('twice', { args: ['n'], provides: 'm', execute: ({ n }) => n * 2 }),
  ])
  const job = await board.post(double, { n: 21 })
  await conduct(board, { double })
  expect(await board.waitForJob(job.uuid)).toBe(true)
  const stored = await board.store.load(job.flowId)
  expect(stored?.flow.state).toBe('SUCCESS')
  expect(stored?.atoms.find(({ name }) => name === 'twice')?.results).toBe(42)
})

test('a stream posts its results as jobs', async () => {
  const board = new Board(await opened())
  const double = linear('double', {}, [
    task('twice', { args: ['message'], provides: 'm', execute: ({ message }) => message * 2 }),
  ])
  const same = operator((n: number) => n)
  await new Block('jobs', same, { listeners: [[4, 5]], publishers: [toFlow(board, double)] }).run()
  const jobs = await board.jobs()
  expect(jobs.map(({ name }) => name)).toEqual(['double', 'double'])
  await conduct(board, { double })
  for (const { uuid } of jobs) expect(await board.waitForJob(uuid)).toBe(true)
  const stored = await Promise.all(jobs.map(async ({ flowId }) => board.store.load(flowId)))
  expect(stored.map((run) => run?.atoms.find(({ name }) => name === 'twice')?.results)).toEqual([
    8, 10,
  ])
})

test('jobs are listed by priority and then by age, delayed ones only when asked for', async () => {
  const board = new Board(await opened())
  await board.post('a', {}, { name: 'first' })
  await board.post('a', {}, { name: 'second' })
  await board.post('a', {}, { name: 'urgent', priority: 'VERY_HIGH' })
  await board.post('a', {}, { name: 'later', delayMs: 3_600_000 })
  expect((await board.jobs()).map(({ name }) => name)).toEqual(['urgent', 'first', 'second'])
  expect(await board.jobCount()).toBe(4)
})

test('a job of another owner cannot be claimed, and is free again when its lease is over', async () => {
  const database = await opened()
  const board = new Board(database, { leaseMs: 300 })
  const job = await board.post('a')
  const first = await board.claim(job, 'one')
  await expect(board.claim(job, 'two')).rejects.toMatchObject({ name: 'UnclaimableJob' })
  await first.abandon()
  const second = await board.claim(job, 'two')
  await expect(first.consume()).rejects.toMatchObject({ name: 'JobFailure' })
  await second.consume()
  await expect(board.claim(job, 'two')).rejects.toMatchObject({ name: 'JobNotFound' })
})

test('a stale engine writes nothing once a later lease has claimed the job', async () => {
  const database = await opened()
  const board = new Board(database)
  const store = new DatabaseStore(database)
  const flowId = 'f1'
  let goOn: () => void = () => undefined
  const paused = new Promise<void>((resolve) => {
    goOn = resolve
  })
  let isInside: () => void = () => undefined
  const inside = new Promise<void>((resolve) => {
    isInside = resolve
  })
  const beStale = async () => {
    isInside()
    await paused
    return 'stale'
  }
  const make = (isPaused: boolean) =>
    linear('f', {}, [
      task('a', {
        provides: 'x',
        execute: async () => (isPaused ? await beStale() : 'new'),
      }),
      task('b', { execute: () => undefined }),
    ])
  const job = await board.post('f', {}, { flowId })
  const first = await board.claim(job, 'one')
  const stale = new Engine(make(true), { persist: store, flowId, epoch: first.epoch })
  const running = stale.run()
  await inside
  await database.query(`update flows.job set lease_until = now() - interval '1 s'`)
  const second = await board.claim(job, 'two')
  goOn()
  await expect(running).rejects.toMatchObject({ name: 'LeaseLost' })
  const engine = new Engine(make(false), { persist: store, flowId, epoch: second.epoch })
  await engine.run()
  expect(await engine.fetchAll()).toEqual({ x: 'new' })
})

test('a flow that waits for a signal is in no process, and goes on when the signal comes', async () => {
  const board = new Board(await opened())
  const approve = linear('approve', {}, [
    task('ask', { execute: () => undefined }),
    waitFor('approval', { provides: 'decision' }),
    task('act', {
      args: ['decision'],
      provides: 'acted',
      execute: ({ decision }) => `${decision}!`,
    }),
  ])
  const conductor = await conduct(board, { approve })
  const released = new Promise<void>((resolve) => {
    conductor.on(({ type }) => type === 'job_released' && resolve())
  })
  const job = await board.post(approve)
  await released
  await waitUntil('no flow is in the conductor', () => conductor.active === 0)
  expect((await board.find(job.uuid))?.runAt).toBeNull()
  await board.signal(job.flowId, 'approval', 'yes')
  expect(await board.waitForJob(job.uuid)).toBe(true)
  const stored = await board.store.load(job.flowId)
  expect(stored?.atoms.find(({ name }) => name === 'act')?.results).toBe('yes!')
})

test('a retry that is ten minutes away waits on the board until then', async () => {
  const database = await opened()
  const board = new Board(database)
  let calls = 0
  const flaky = linear(
    'flaky',
    { retry: times('r', { attempts: 2, delay: { delayMs: 600_000 } }) },
    [
      task('a', {
        execute: () => {
          calls += 1
          if (calls === 1) throw new Error('not yet')
        },
      }),
    ],
  )
  let now = Date.now()
  const conductor = await conduct(board, { flaky }, { engine: { now: () => now } })
  const released = new Promise<void>((resolve) => {
    conductor.on(({ type }) => type === 'job_released' && resolve())
  })
  const job = await board.post(flaky)
  await released
  const waiting = await board.find(job.uuid)
  expect((waiting?.runAt?.getTime() ?? 0) - now).toBeGreaterThan(595_000)
  now += 600_000
  await database.query(`update flows.job set run_at = run_at - interval '10 minutes'`)
  expect(await board.waitForJob(job.uuid)).toBe(true)
  expect(calls).toBe(2)
})

test('a job whose runs cannot be made goes to the dead letters and can be replayed', async () => {
  const board = new Board(await opened())
  const bad = linear('bad', {}, [task('a', { args: ['missing'] })])
  await conduct(board, { bad }, { maxFailedRuns: 3 })
  const job = await board.post(bad)
  await board.waitForJob(job.uuid)
  const [trashed] = await board.trashed()
  expect(trashed).toMatchObject({
    uuid: job.uuid,
    failure: {
      exc_type_names: [
        'MissingDependencies',
        'DependencyFailure',
        'FlowError',
        'ToolboxError',
        'Error',
        'Exception',
      ],
    },
  })
})

test('a job is due at the next moment of its schedule, and of another that it is given', async () => {
  const board = new Board(await opened())
  const job = await board.post('tick', { n: 1 }, { schedule: '*/5 * * * *' })
  const [listed] = await board.jobs({ includeDelayed: true })
  expect(listed?.runAt?.getUTCMinutes()).toSatisfy((minutes: number) => minutes % 5 === 0)
  await board.resetSchedule(job.uuid, '0 0 1 1 *')
  expect((await board.find(job.uuid))?.runAt?.getUTCMonth()).toBe(0)
})

test('a schedule that is reset while its job runs counts from the next run on', async () => {
  const board = new Board(await opened())
  const job = await board.post('tick', {}, { schedule: '0 0 1 1 *', runAt: new Date() })
  const claim = await board.claim(job, 'one')
  await board.resetSchedule(job.uuid, '* * * * *')
  await claim.consume()
  const next = await board.find(job.uuid)
  expect(next?.flowId).not.toBe(job.flowId)
  expect(next?.runAt).toBeInstanceOf(Date)
  expect(Number(next?.runAt) - Date.now()).toBeLessThan(61_000)
})

test('jobs can be searched by flow and values, and killed', async () => {
  const board = new Board(await opened())
  await board.post('a', { tenant: 't1' })
  await board.post('a', { tenant: 't2' })
  expect(await board.search({ flow: 'a', store: { tenant: 't2' } })).toHaveLength(1)
  expect(await board.killAll({ store: { tenant: 't1' } })).toBe(1)
  expect(await board.jobCount()).toBe(1)
})

test('a suspended job stays where it is until it is resumed', async () => {
  const board = new Board(await opened())
  const job = await board.post('a')
  await board.suspend(job.uuid)
  expect(await board.claimNext('one')).toBeUndefined()
  await board.resume(job.flowId)
  expect((await board.claimNext('one'))?.job.uuid).toBe(job.uuid)
})

test('a flow whose decider throws ends in FAILURE, and its job is done', async () => {
  const board = new Board(await opened())
  const refuses = () => {
    throw new TypeError('no such key')
  }
  const odd = graph('odd', {}, [task('a'), task('b')], [link('a', 'b', { decider: refuses })])
  await conduct(board, { odd })
  const job = await board.post(odd)
  expect(await board.waitForJob(job.uuid)).toBe(true)
  expect((await board.store.load(job.flowId))?.flow.state).toBe('FAILURE')
  expect(await board.trashed()).toEqual([])
})

test('a step that fails with an error of flows is a failure of its flow, not of the conductor', async () => {
  const board = new Board(await opened())
  let calls = 0
  const nested = task('outer', {
    execute: async () => {
      calls += 1
      await new Engine(task('inner', { args: ['missing'] })).run()
    },
  })
  await conduct(board, { outer: nested })
  const job = await board.post(nested)
  expect(await board.waitForJob(job.uuid)).toBe(true)
  expect((await board.store.load(job.flowId))?.flow.state).toBe('REVERTED')
  expect([calls, await board.trashed()]).toEqual([1, []])
})

test('a flow that ended before its conductor could say so does not run again', async () => {
  const board = new Board(await opened())
  const calls: string[] = []
  const failing = task('a', {
    execute: () => {
      calls.push('a')
      throw new Error('never')
    },
  })
  const { uuid, flowId } = await board.post(failing)
  const killed = new Engine(failing, { persist: board.store, flowId, job: uuid })
  await expect(killed.run()).rejects.toThrow('never')
  await conduct(board, { a: failing })
  expect(await board.waitForJob(uuid)).toBe(true)
  expect(calls).toEqual(['a'])
})

test('a conductor that is stopped while it claims a job gives it back and runs nothing', async () => {
  const board = new Board(await opened())
  const calls: string[] = []
  const flow = task('a', { execute: () => void calls.push('a') })
  const job = await board.post(flow)
  const conductor = new Conductor(board, { flows: { a: flow } })
  const stopped = new Promise<void>((resolve) => {
    conductor.on(({ type }) => type === 'job_claimed' && resolve(conductor.stop()))
  })
  await conductor.start()
  await stopped
  expect([calls, (await board.find(job.uuid))?.state]).toEqual([[], 'UNCLAIMED'])
})

test('a conductor does not look again and again for jobs that others have left, and that it does not know', async () => {
  const database = await opened()
  const board = new Board(database)
  const job = await board.post('unknown')
  await board.claim(job, 'dead')
  await database.query(`update flows.job set lease_until = now() - interval '1 minute'`)
  const looks = vi.spyOn(board, 'claimNext')
  await conduct(board, {})
  await sleep(500)
  expect(looks.mock.calls.length).toBeLessThan(5)
})

test('nothing is left of the signals by which a flow waited for its remote step', async () => {
  const database = await opened()
  const board = new Board(database)
  const answers = new Map<string, number>()
  const remotes: Remotes = {
    start: async ({ attemptId }) => void answers.set(attemptId, 3),
    outcome: async (attemptId) => answers.get(attemptId),
    peek: async (attemptId) => {
      // The first look comes before the answer.
      const isThere = (await board.store.signals(job.flowId)).length > 0 || isRelay
      return isThere ? { value: answers.get(attemptId) } : undefined
    },
    revoke: async () => undefined,
  }
  let isRelay = false
  const flow = task('a', { execute: remote('elsewhere'), provides: 'sum' })
  const job = await board.post(flow)
  const conductor = await conduct(board, { a: flow }, { engine: { remotes } })
  await new Promise<void>((resolve) => {
    conductor.on(({ type }) => type === 'job_released' && resolve())
  })
  isRelay = true
  const relay = new RemoteRelay(board, { remotes, everyMs: 20 })
  await relay.start()
  onTestFinished(() => relay.stop())
  expect(await board.waitForJob(job.uuid)).toBe(true)
  expect(await database.query('select * from flows.signal')).toEqual([])
})

test('a conductor that stops leaves what outlasts its grace; nothing it still writes counts, and the job runs again', async () => {
  const board = new Board(await opened())
  const endings: (() => void)[] = []
  const signals: AbortSignal[] = []
  let calls = 0
  const slow = task('slow', {
    provides: 'by',
    execute: async (_: unknown, { signal }) => {
      calls += 1
      if (calls > 1) return 'another'
      signals.push(signal)
      await new Promise<void>((resolve) => endings.push(resolve))
      return 'the one that was left'
    },
  })
  const first = await conduct(board, { slow })
  const job = await board.post(slow)
  await waitUntil('the step runs', () => endings.length === 1)
  const startedAt = performance.now()
  await first.stop({ graceMs: 100 })
  expect(performance.now() - startedAt).toBeLessThan(5_000)
  expect(signals[0]?.aborted).toBe(true)
  expect((await board.find(job.uuid))?.state).toBe('UNCLAIMED')
  await conduct(board, { slow })
  expect(await board.waitForJob(job.uuid)).toBe(true)
  endings[0]?.()
  await sleep(100)
  const stored = await board.store.load(job.flowId)
  expect(stored?.atoms.find(({ name }) => name === 'slow')?.results).toBe('another')
})

test('a run goes on from one of its steps with other values, and what came before does not run again', async () => {
  const board = new Board(await opened())
  const calls: string[] = []
  const step = (name: string, args: readonly string[] = []) =>
    task(name, {
      args,
      provides: `${name}_out`,
      execute: (values) => {
        calls.push(name)
        return Object.values(values).join()
      },
    })
  const make = () =>
    linear('ingest', { version: '2' }, [
      step('copy', ['path']),
      step('scale', ['copy_out', 'size']),
      step('send', ['scale_out']),
    ])
  await conduct(board, { ingest: make })
  const first = await board.post(make(), { path: 'p', size: 1 })
  expect(await board.waitForJob(first.uuid)).toBe(true)
  expect((await board.store.load(first.flowId))?.flow.version).toBe('2')
  const again = await board.resumeFrom(first.flowId, 'scale', { size: 2 })
  expect(await board.waitForJob(again.uuid)).toBe(true)
  expect(calls).toEqual(['copy', 'scale', 'send', 'scale', 'send'])
  const stored = await board.store.load(first.flowId)
  expect(stored?.atoms.find(({ name }) => name === 'send')?.results).toBe('p,2')
  await expect(board.resumeFrom(first.flowId, 'none')).rejects.toMatchObject({ name: 'JobFailure' })
})
