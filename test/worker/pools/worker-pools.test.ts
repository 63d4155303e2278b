import { expect, test } from 'vitest'
import { silentLogger } from '../../../src/logger.ts'
import { AsyncPool } from '../../../src/worker/pools/async-pool.ts'
import { type AutoscaleBounds, Autoscaler } from '../../../src/worker/pools/autoscale.ts'
import { poolNamed } from '../../../src/worker/pools/pool-name.ts'
import { WorkerPools } from '../../../src/worker/pools/worker-pools.ts'
import { embeddedApp, recordingLogger, startWorker } from '../../support/embedded-app.ts'

async function openPools(autoscale: AutoscaleBounds | null = null, concurrency = 2) {
  const seen: number[] = []
  const work = { needed: 0 }
  const pools = new WorkerPools({
    own: 'async',
    concurrency,
    besideConcurrency: () => 1,
    autoscale,
    maxTasksPerChild: null,
    open: () => new AsyncPool(),
    needed: () => work.needed,
    onResized: (slots) => seen.push(slots),
    logger: silentLogger,
  })
  await pools.start([])
  return { pools, seen, work }
}

test('a pool grows and shrinks by as many slots as it is asked to', async () => {
  const { pools, seen } = await openPools()
  pools.grow(3)
  pools.shrink(1)
  expect(seen).toEqual([5, 4])
  expect(pools.concurrency).toBe(4)
  await pools.stop()
})

test.each([
  ['grow', 0],
  ['grow', 'two'],
  ['shrink', -1],
  ['shrink', 2],
] as const)('%s by %s is refused with what was expected', async (how, by) => {
  const { pools } = await openPools()
  expect(() => pools[how](by as number)).toThrow(/expected .*1 or more/)
  expect(pools.concurrency).toBe(2)
  await pools.stop()
})

test('a pool that scales by itself grows at once with its work, up to its maximum', async () => {
  const { pools, work } = await openPools({ max: 4, min: 1 }, 1)
  work.needed = 9
  pools.look()
  expect(pools.concurrency).toBe(4)
  expect(() => pools.grow(1)).toThrow('Adjust autoscale range instead')
  expect(pools.scale({ max: 3 })).toEqual({ max: 3, min: 1 })
  expect(pools.concurrency).toBe(3)
  await pools.stop()
})

test('a pool that scales by itself shrinks once it was idle for a while', async () => {
  let slots = 4
  const scaler = new Autoscaler({
    bounds: { max: 4, min: 2 },
    needed: () => 0,
    slots: () => slots,
    resize: (to) => {
      slots = to
    },
    keepaliveMs: 20,
    logger: silentLogger,
  })
  scaler.look()
  expect(slots).toBe(4)
  await expect
    .poll(() => {
      scaler.look()
      return slots
    })
    .toBe(2)
})

test.each([
  [{ max: 0, min: 0 }, 'max is 0'],
  [{ max: 2, min: 3 }, 'min is 3 and max is 2'],
  [{ min: 1.5 }, 'min is 1.5'],
])('bounds of autoscale such as %j are refused with the value', async (bounds, text) => {
  const { pools } = await openPools({ max: 2, min: 1 })
  expect(() => pools.scale(bounds)).toThrow(text)
  await pools.stop()
})

test("the names of Python's pools mean ours, and an unknown one is refused with the nearest", () => {
  expect(['prefork', 'threads', 'gevent', 'solo', 'processes'].map(poolNamed)).toEqual([
    'processes',
    'threads',
    'async',
    'async',
    'processes',
  ])
  expect(() => poolNamed('prefrok')).toThrow('there is no pool "prefrok" (did you mean "prefork"?)')
})

test.each([
  ['gevent', [{ asked: 'gevent', pool: 'async' }]],
  ['eventlet', [{ asked: 'eventlet', pool: 'async' }]],
  ['solo', [{ asked: 'solo', pool: 'async' }]],
  ['async', []],
  [undefined, []],
])('a worker that is asked for the pool %s logs which one runs instead', async (pool, logged) => {
  const logger = recordingLogger()
  await startWorker(embeddedApp({}, { logger }), pool === undefined ? {} : { pool })
  const lines = logger.lines.filter(({ sentence }) => sentence.startsWith('another pool runs'))
  expect(lines.map(({ level, fields }) => ({ level, ...fields }))).toEqual(
    logged.map((fields) => ({ level: 'info', ...fields })),
  )
})
