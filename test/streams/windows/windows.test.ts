import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { silentLogger } from '../../../src/logger.ts'
import {
  Block,
  batch,
  Event,
  fileState,
  join,
  type Operator,
  Start,
  Stop,
  scan,
  throttle,
  window,
} from '../../../src/streams/index.ts'
import { Collector, settling } from '../support/parts.ts'

async function results(
  operator: Operator<never, unknown>,
  messages: Iterable<unknown> | AsyncIterable<unknown>,
  concurrency = 1,
) {
  const out = new Collector()
  await new Block('w', operator as Operator, {
    listeners: [messages],
    publishers: [out],
    logger: silentLogger,
    concurrency,
  }).run()
  return out.messages
}

async function* slowly(...steps: (number | { waitMs: number })[]) {
  for (const step of steps) {
    if (typeof step === 'number') yield step
    else await sleep(step.waitMs)
  }
}

test('batch gives lists of so many messages, and the rest at the end', async () => {
  expect(await results(batch(3), [1, 2, 3, 4, 5, 6, 7])).toEqual([[1, 2, 3], [4, 5, 6], [7]])
})

test('batch gives a shorter list where its time is over', async () => {
  expect(await results(batch(3, 20), slowly(1, 2, { waitMs: 80 }, 3))).toEqual([[1, 2], [3]])
})

test('messages of a batch are acknowledged with its result, and larger batches than the queue get full', async () => {
  const fates: string[] = []
  const out = new Collector<unknown[]>()
  await new Block('b', batch(10) as Operator, {
    listeners: [
      settling(
        Array.from({ length: 20 }, (_, n) => n),
        fates,
      ),
    ],
    publishers: [
      {
        publish: (list: unknown) => {
          out.publish(list)
          fates.push('published')
        },
      },
    ],
    queue: { limit: 2 },
  }).run()
  expect(out.messages.map(({ length }) => length)).toEqual([10, 10])
  expect(fates[0]).toBe('published')
  expect(fates).toHaveLength(22)
})

test('window gives the messages of each span of time', async () => {
  expect(await results(window(30), slowly(1, 2, { waitMs: 100 }, 3, 4))).toEqual([
    [1, 2],
    [3, 4],
  ])
})

test('join brings together the messages of a key; those that stay alone fail', async () => {
  const frames = [1, 2, 3].map((n) => ({ n, image: `i${n}` }))
  const readings = [2, 1].map((n) => ({ n, current: n * 10 }))
  const out = new Collector<{ key: number }>()
  const fates: string[] = []
  const block = new Block('j', join(({ n }: { n: number }) => n) as Operator, {
    listeners: [settling([...frames, ...readings], fates)],
    publishers: [out],
    logger: silentLogger,
  })
  await block.run()
  expect(out.messages).toEqual([
    { key: 2, messages: [frames[1], readings[0]] },
    { key: 1, messages: [frames[0], readings[1]] },
  ])
  expect(block.stats.failed).toBe(1)
})

test('a key beyond 2^53 that stays alone fails its message, and no other', async () => {
  const out = new Collector<{ key: bigint }>()
  const block = new Block('j', join(({ n }: { n: bigint }) => n) as Operator, {
    listeners: [settling([{ n: 2n ** 60n }, { n: 2n ** 61n }, { n: 2n ** 61n }], [])],
    publishers: [out],
    logger: silentLogger,
  })
  await block.run()
  expect(out.messages.map(({ key }) => key)).toEqual([2n ** 61n])
  expect(block.stats.failed).toBe(1)
})

test('throttle lets so many messages pass in a time; the others wait, or are left out', async () => {
  const startedAt = performance.now()
  expect(await results(throttle(2, 40), [1, 2, 3, 4, 5])).toEqual([1, 2, 3, 4, 5])
  expect(performance.now() - startedAt).toBeGreaterThan(75)
  expect(await results(throttle(2, 1000, { drop: true }), [1, 2, 3, 4])).toEqual([1, 2])
})

test('scan folds a run, and begins anew with each Start', async () => {
  const run = (...values: number[]) => [
    new Start(),
    ...values.map((n) => new Event({}, n)),
    new Stop(),
  ]
  const sum = (state: number, message: unknown) =>
    state + (message instanceof Event ? Number(message.payload) : 0)
  const messages = [...run(1, 2), ...run(10)]
  expect(await results(scan(sum, 0), messages)).toEqual([0, 1, 3, 3, 0, 10, 10])
  expect(await results(scan(sum, 0, { emit: 'stop' }), messages)).toEqual([3, 10])
})

test('scan goes on from its kept state after a restart', async () => {
  const folder = await mkdtemp(path(tmpdir(), 'state-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const sum = () =>
    scan((state: number, n: number) => state + n, 0, { store: fileState(folder), key: 'a/b' })
  expect(await results(sum(), [1, 2])).toEqual([1, 3])
  expect(await results(sum(), [4])).toEqual([7])
  // A folder that cannot be: the block does not start with a state it does not know.
  const broken = scan((state: number, n: number) => state + n, 0, {
    store: fileState('/dev/null/no'),
  })
  await expect(results(broken, [1])).rejects.toThrow(/state: cannot read/)
})

test('scan and throttle work on one message at a time where their block works on several', async () => {
  const sum = async (state: number, n: number) => {
    await sleep(n % 2)
    return state + n
  }
  expect(await results(scan(sum, 0), [1, 2, 3, 4], 4)).toEqual([1, 3, 6, 10])
  const startedAt = performance.now()
  expect(await results(throttle(1, 40), [1, 2, 3, 4], 4)).toEqual([1, 2, 3, 4])
  expect(performance.now() - startedAt).toBeGreaterThan(115)
})

test.each([
  ['batch', batch(2)],
  ['window', window(10)],
  ['join', join(String)],
] as const)(
  '%s is refused with concurrency, as each worker would keep a part of its messages',
  (name, kept) => {
    const make = () => new Block('w', kept as Operator, { concurrency: 2 })
    expect(make).toThrow(`operator ${name} keeps messages for a result to come`)
  },
)
