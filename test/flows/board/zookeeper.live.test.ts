import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Claim,
  Conductor,
  Engine,
  FileStore,
  linear,
  MemoryStore,
  task,
  waitFor as waitForSignal,
  ZookeeperBoard,
} from 'celery-toolbox/flows'
import { expect, onTestFinished, test } from 'vitest'
import { postingOf } from '../../../src/flows/board/zookeeper/posting.ts'
import { SessionKeeper } from '../../../src/flows/board/zookeeper/session-keeper.ts'
import { ZookeeperSession } from '../../../src/flows/board/zookeeper/zookeeper-session.ts'
import { ZookeeperTrash } from '../../../src/flows/board/zookeeper/zookeeper-trash.ts'
import { startProcess } from '../../support/processes.ts'
import { service } from '../../support/services.ts'
import { waitFor } from '../../support/wait-for.ts'
import { hasZookeeper, startZookeeper } from '../../support/zookeeper.ts'
import { folder } from '../kills/kills.ts'

const SESSION_MS = 2_000
const double = linear('double', {}, [
  task('twice', { args: ['n'], provides: 'm', execute: ({ n }) => n * 2 }),
])

async function opened(hosts: string, store = new MemoryStore()): Promise<ZookeeperBoard> {
  const board = new ZookeeperBoard({ hosts, store, sessionMs: SESSION_MS })
  onTestFinished(() => board.close())
  await board.connect()
  return board
}

async function conduct(board: ZookeeperBoard, flows = {}): Promise<Conductor> {
  const conductor = new Conductor(board, { flows, name: 'ours' })
  await conductor.start()
  onTestFinished(() => conductor.stop())
  return conductor
}

test.skipIf(!hasZookeeper)(
  'a board in ZooKeeper posts, lists, claims, consumes, abandons and trashes as the layout of TaskFlow has it',
  async () => {
    const hosts = await startZookeeper()
    const board = await opened(hosts)
    const other = await opened(hosts, board.store as MemoryStore)
    const low = await board.post('double', { n: 1 }, { priority: 'LOW' })
    const high = await board.post('double', { n: 2 }, { priority: 'HIGH', flowId: 'f2' })
    await board.post('double', {}, { delayMs: 3_600_000, name: 'later' })
    expect((await other.jobs()).map(({ uuid }) => uuid)).toEqual([high.uuid, low.uuid])
    expect(await other.jobCount()).toBe(3)

    const session = await ZookeeperSession.open(hosts, SESSION_MS)
    onTestFinished(() => session.close())
    const names = await session.children('/taskflow/jobs')
    expect(names.toSorted()).toEqual(['job0000000000', 'job0000000001', 'job0000000002'])
    const node = await session.read('/taskflow/jobs/job0000000001')
    expect(JSON.parse(node?.data.toString() ?? '')).toEqual({
      uuid: high.uuid,
      name: 'double',
      priority: 'HIGH',
      details: { flow: 'double', flow_uuid: 'f2', store: { n: 2 } },
      book: { name: 'double', uuid: 'f2' },
    })

    const claim = await board.claim(high, 'one')
    const lock = await session.read('/taskflow/jobs/job0000000001.lock')
    expect(JSON.parse(lock?.data.toString() ?? '')).toEqual({ owner: 'one' })
    expect(await other.findOwner(high.uuid)).toBe('one')
    await expect(other.claim(high, 'two')).rejects.toMatchObject({ name: 'UnclaimableJob' })
    await claim.abandon()
    const next = await other.claimNext('two', ['double'])
    expect([next?.job.uuid, (next?.epoch ?? 0) > claim.epoch]).toEqual([high.uuid, true])
    await expect(claim.consume()).rejects.toMatchObject({ name: 'JobFailure' })
    await next?.trash()
    expect(await session.children('/taskflow/.trash')).toEqual(['job0000000001'])
    expect((await board.trashed()).map(({ uuid }) => uuid)).toEqual([high.uuid])
    await board.replay(high.uuid)
    await (await board.claim(high, 'one')).consume()
    await expect(board.claim(high, 'one')).rejects.toMatchObject({ name: 'JobNotFound' })
    expect(await board.killAll({ flow: 'double' })).toBe(2)
    expect(await board.jobCount()).toBe(0)
  },
)

test.skipIf(!hasZookeeper)(
  'awaited signals come in random order, so that a limit leaves none out for ever',
  async () => {
    const board = await opened(await startZookeeper())
    for (const signal of ['one', 'two']) {
      const claim = await board.claim(await board.post('double', { n: 1 }), 'ours')
      await claim.release({ signals: [signal] })
    }
    const seen = new Set<string>()
    for (let look = 0; look < 64; look += 1) {
      const awaited = await board.awaited(/^(?:one|two)$/, 1)
      expect(awaited).toHaveLength(1)
      for (const { signal } of awaited) seen.add(signal)
    }
    expect([...seen].toSorted()).toEqual(['one', 'two'])
  },
)

test.skipIf(!hasZookeeper)(
  'flows wait for signals and moments on it, and a scheduled job keeps its values',
  async () => {
    const board = await opened(await startZookeeper())
    const approve = linear('approve', {}, [waitForSignal('approval', { provides: 'decision' })])
    const conductor = await conduct(board, { approve, double })
    await waitFor('the conductor on its board', async () => {
      const [entity] = await board.entities()
      return entity?.kind === 'conductor' && entity.name === 'ours'
    })
    const released = new Promise<void>((resolve) => {
      conductor.on(({ type }) => type === 'job_released' && resolve())
    })
    const waiting = await board.post(approve)
    await released
    expect((await board.find(waiting.uuid))?.runAt).toBeNull()
    await board.signal(waiting.flowId, 'approval', 'yes')
    expect(await board.waitForJob(waiting.uuid)).toBe(true)
    const stored = await board.store.load(waiting.flowId)
    expect(stored?.atoms.find(({ name }) => name === 'approval')?.results).toBe('yes')

    const tick = await board.post('double', { n: 4 }, { schedule: '0 0 1 1 *', runAt: new Date() })
    await waitFor('the next run', async () => {
      const job = await board.find(tick.uuid)
      return job?.flowId !== tick.flowId && job?.details.store.n === 4
    })
    const later = await board.post('double', { n: 1 }, { delayMs: 500 })
    expect(await board.waitForJob(later.uuid, { timeoutMs: 5_000 })).toBe(true)
  },
)

test.skipIf(!hasZookeeper)(
  'a job is free once the session of its owner has ended, and a claim on a killed job is lost',
  async () => {
    const hosts = await startZookeeper()
    const board = await opened(hosts)
    const other = await opened(hosts, board.store as MemoryStore)
    const job = await board.post('double', { n: 1 })
    const claim = await board.claim(job, 'one')
    expect(await other.killAll({ flow: 'double' })).toBe(1)
    await waitFor('the loss to be seen', () => claim.lost.aborted)
    await expect(claim.consume()).rejects.toMatchObject({ name: 'JobFailure' })

    const second = await board.post('double', { n: 2 })
    await board.claim(second, 'one')
    await board.close()
    await waitFor('a free job', async () => (await other.findOwner(second.uuid)) === null)
    expect((await other.claimNext('two', ['double']))?.job.uuid).toBe(second.uuid)
  },
)

test.skipIf(!hasZookeeper)(
  'resumeFrom refuses a job that was claimed meanwhile; killing one aborts the claim',
  async () => {
    const hosts = await startZookeeper()
    const store = new MemoryStore()
    const board = await opened(hosts, store)
    const claimed: Claim[] = []
    const job = await board.post(double, { n: 1 })
    await new Engine(double, { persist: store, flowId: job.flowId, store: { n: 1 } }).run()
    const load = store.load.bind(store)
    store.load = async (id) => {
      if (claimed.length === 0) claimed.push(await board.claim(job, 'another'))
      return await load(id)
    }
    await expect(board.resumeFrom(job.flowId, 'twice')).rejects.toMatchObject({
      name: 'UnclaimableJob',
    })
    expect((await board.jobs()).map(({ uuid, owner }) => [uuid, owner])).toEqual([
      [job.uuid, 'another'],
    ])
    await claimed[0]?.abandon()
    const again = await board.resumeFrom(job.flowId, 'twice', { n: 2 })
    expect((await board.jobs()).map(({ uuid }) => uuid)).toEqual([again.uuid])

    // It is claimed after it was read as a free one, and before it is put aside.
    const session = await ZookeeperSession.open(hosts, SESSION_MS)
    onTestFinished(() => session.close())
    const trash = new ZookeeperTrash(board.name)
    const commit = session.commit.bind(session)
    session.commit = async (build) => {
      if (claimed.length === 1) claimed.push(await board.claim(again, 'another'))
      await commit(build)
    }
    const [name] = await session.children(board.name)
    expect(await trash.put(session, `${board.name}/${name}`)).toBe(true)
    expect(claimed).toHaveLength(2)
    expect(await session.children(board.name)).toEqual([])
    await waitFor('the loss to be seen', () => claimed[1]?.lost.aborted === true)
  },
)

test.skipIf(!hasZookeeper)('a session whose board cannot be set up is closed', async () => {
  const sessions: ZookeeperSession[] = []
  const keeper = new SessionKeeper({
    hosts: await startZookeeper(),
    sessionMs: SESSION_MS,
    onOpen: async (session) => {
      sessions.push(session)
      if (sessions.length === 1) throw new Error('no folder')
    },
  })
  await expect(keeper.current()).rejects.toThrow('no folder')
  const current = await keeper.current()
  expect(sessions.map(({ isOver }) => isOver)).toEqual([true, false])
  current.close()
})

test.skipIf(!hasZookeeper)(
  'a schedule that is reset while its job runs counts from the next run on',
  async () => {
    const board = await opened(await startZookeeper())
    const job = await board.post('double', {}, { schedule: '0 0 1 1 *', runAt: new Date() })
    const claim = await board.claim(job, 'one')
    await board.resetSchedule(job.uuid, '* * * * *')
    await claim.consume()
    const next = await board.find(job.uuid)
    expect(next?.flowId).not.toBe(job.flowId)
    expect(next?.runAt).toBeInstanceOf(Date)
    expect(Number(next?.runAt) - Date.now()).toBeLessThan(61_000)
  },
)

test.skipIf(!hasZookeeper)(
  'a conductor of TaskFlow and one of ours share a board, and leave alone the jobs they do not know',
  { timeout: 120_000 },
  async () => {
    const hosts = await startZookeeper()
    const store = new FileStore(await folder())
    const board = new ZookeeperBoard({ hosts, store, sessionMs: SESSION_MS })
    onTestFinished(() => board.close())
    await board.connect()
    const python = startProcess(service('PYTHON_TASKFLOW'), [
      'test/support/python/taskflow_conductor.py',
      hosts,
    ])
    await python.waitForLine(/^posted$/m, { deadlineMs: 60_000 })
    const theirs = (await board.jobs()).find(({ name }) => name === 'theirs')
    expect(theirs?.details.store).toEqual({ n: 20 })
    await conduct(board, { double })
    const ours = await board.post(double, { n: 21 }, { priority: 'LOW' })
    expect(await board.waitForJob(ours.uuid, { timeoutMs: 30_000 })).toBe(true)
    const stored = await store.load(ours.flowId)
    expect(stored?.atoms.find(({ name }) => name === 'twice')?.results).toBe(42)
    expect((await board.find(theirs?.uuid ?? ''))?.owner).toBeNull()

    // Now theirs begins to work. It tries what it does not know, and gives it back.
    const unknown = await board.post('for nobody here', { n: 1 }, { priority: 'VERY_HIGH' })
    python.kill('SIGUSR1')
    await python.waitForLine(/^theirs did 40$/m, { deadlineMs: 60_000 })
    expect(await board.waitForJob(theirs?.uuid ?? '', { timeoutMs: 10_000 })).toBe(true)
    const later = await board.post(double, { n: 5 })
    expect(await board.waitForJob(later.uuid, { timeoutMs: 60_000 })).toBe(true)
    await python.stop()
    await sleep(100)
    const [left] = await board.jobs()
    expect([left?.uuid, left?.owner]).toEqual([unknown.uuid, null])
  },
)

test('a node that holds no job is not read as one, and a job of Zag is', () => {
  const node = { version: 0, madeBy: 1, createdAt: new Date(), modifiedAt: new Date() }
  for (const text of ['', '{', '[]', '{"name": "no uuid"}', 'null'])
    expect(postingOf({ ...node, data: Buffer.from(text) })).toBeUndefined()
  const zag = postingOf({
    ...node,
    data: Buffer.from('{"uuid": "u", "name": "n", "details": {"flow_uuid": "f", "run_at": 5}}'),
  })
  expect(zag).toMatchObject({ priority: 'NORMAL', details: { flow_uuid: 'f', store: {} } })
})
