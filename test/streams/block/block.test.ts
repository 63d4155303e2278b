import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { deferred } from '../../../src/async/deferred.ts'
import { silentLogger } from '../../../src/logger.ts'
import { Block, Listener, Operator, operator, Publisher } from '../../../src/streams/index.ts'
import { LinkListener } from '../../../src/streams/parts/listener.ts'
import { waitFor } from '../../support/wait-for.ts'
import { Collector, settling } from '../support/parts.ts'

const double = operator((n: number) => n * 2)
const quiet = { logger: silentLogger }

test('a block runs until its listeners have ended and all results are published', async () => {
  const out = new Collector<number>()
  const block = new Block('double', double, { listeners: [[1, 2, 3]], publishers: [out] })
  await block.run()
  expect(out.messages).toEqual([2, 4, 6])
  expect(out.closed).toBe(1)
  expect(block.isRunning).toBe(false)
  expect(block.stats).toMatchObject({ received: 3, processed: 3, published: 3 })
})

test('functions, async functions, generators and classes give none, one or several results', async () => {
  const several = {
    none: operator(() => undefined),
    one: operator(async (n: number) => n),
    generator: operator(function* (n: number) {
      yield n
      yield -n
    }),
    stream: operator(async function* (numbers: AsyncIterable<number>) {
      for await (const n of numbers) if (n !== 2) yield n
    }),
    asyncGenerator: new (class extends Operator<number, number> {
      async *process(n: number) {
        yield n
        yield n * 10
      }
    })(),
    list: operator((n: number) => [n, n]),
  }
  const results: Record<string, unknown> = {}
  for (const [name, each] of Object.entries(several)) {
    const out = new Collector()
    await new Block(name, each as Operator, { listeners: [[1, 2]], publishers: [out] }).run()
    results[name] = out.messages
  }
  expect(results).toEqual({
    none: [],
    one: [1, 2],
    generator: [1, -1, 2, -2],
    stream: [1],
    asyncGenerator: [1, 10, 2, 20],
    list: [
      [1, 1],
      [2, 2],
    ],
  })
})

test('a class of listener and of publisher do the same as an iterable and an object', async () => {
  const heard: number[] = []
  class Count extends Listener<number> {
    override async *listen() {
      yield 1
      yield 2
    }
  }
  class Keep extends Publisher<number> {
    publish(n: number) {
      heard.push(n)
    }
  }
  await new Block('classes', double, { listeners: [new Count()], publishers: [new Keep()] }).run()
  expect(heard).toEqual([2, 4])
})

test('blocks share nothing: each publishes to its own publishers alone', async () => {
  const [first, second] = [new Collector(), new Collector()]
  await Promise.all([
    new Block('a', double, { listeners: [[1]], publishers: [first] }).run(),
    new Block('b', double, { listeners: [[10]], publishers: [second] }).run(),
  ])
  expect([first.messages, second.messages]).toEqual([[2], [20]])
})

test('a block may be started, stopped and started again', async () => {
  const out = new Collector<number>()
  class Ever extends Listener<number> {
    override async *listen({ signal }: { signal: AbortSignal }) {
      yield 1
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    }
  }
  const block = new Block('again', double, { listeners: [new Ever()], publishers: [out] })
  for (let round = 1; round <= 100; round += 1) {
    await block.start()
    expect(block.isRunning).toBe(true)
    await block.stop()
  }
  expect(out.messages).toEqual(Array(100).fill(2))
  expect(out.closed).toBe(100)
})

test('a block that is stopped twice or started twice warns and goes on', async () => {
  const sentences: string[] = []
  const logger = {
    ...silentLogger,
    warn: (...args: unknown[]) => void sentences.push(String(args.at(-1))),
  }
  const block = new Block('twice', double, {
    listeners: [],
    logger: { ...logger, child: () => logger as never } as never,
  })
  await block.start()
  await block.start()
  await block.stop()
  await block.stop()
  expect(sentences).toEqual(['block is running already', 'block is not running'])
})

test('a listener that ends does not end the others', async () => {
  const out = new Collector<number>()
  async function* slow() {
    await sleep(20)
    yield 5
  }
  await new Block('two', double, { listeners: [[1], slow()], publishers: [out] }).run()
  expect(out.messages).toEqual([2, 10])
})

test('listeners and publishers are added and removed while it runs', async () => {
  const [first, second] = [new Collector<number>(), new Collector<number>()]
  const gate = deferred()
  async function* waits() {
    await gate.promise
    yield 3
  }
  const block = new Block('changing', double, { listeners: [waits()], publishers: [first] })
  await block.start()
  await block.addListener([1, 2])
  await waitFor('the first results', () => first.messages.length === 2)
  await block.addPublisher(second)
  await block.removePublisher(first)
  gate.resolve()
  await block.finished
  expect(first.messages).toEqual([2, 4])
  expect(second.messages).toEqual([6])
  expect(first.closed).toBe(1)
})

test('the message is settled after the last publisher has accepted its result', async () => {
  const fates: string[] = []
  const accepted = deferred()
  const slow = {
    publish: async () => {
      await accepted.promise
      fates.push('accepted')
    },
  }
  const running = new Block('ack', double, {
    listeners: [settling([1], fates)],
    publishers: [new Collector(), slow],
  }).run()
  await sleep(10)
  expect(fates).toEqual([])
  accepted.resolve()
  await running
  expect(fates).toEqual(['accepted', 'ack 1'])
})

const failsOnTwo = operator((n: number) => {
  if (n === 2) throw new Error('no twos')
  return n
})

test('skip leaves out the message that fails, and rejects it to its source', async () => {
  const fates: string[] = []
  const out = new Collector()
  const listeners = [settling([1, 2, 3], fates)]
  const block = new Block('skip', failsOnTwo, {
    listeners,
    publishers: [out],
    onError: 'skip',
    ...quiet,
  })
  await block.run()
  expect(out.messages).toEqual([1, 3])
  expect(fates).toEqual(['ack 1', 'reject 2', 'ack 3'])
  expect(block.stats.failed).toBe(1)
})

test('stop fails run() with block, operator and message, and gives back what was not worked on', async () => {
  const fates: string[] = []
  const out = new Collector()
  const listeners = [settling([1, 2, 3], fates)]
  const block = new Block('peaks', failsOnTwo, {
    listeners,
    publishers: [out],
    onError: 'stop',
    ...quiet,
  })
  await expect(block.run()).rejects.toThrow(
    /block "peaks": operator \w+ failed on message 2.*no twos/,
  )
  expect(out.messages).toEqual([1])
  expect(fates.toSorted((a, b) => a.localeCompare(b))).toEqual(['ack 1', 'back 2', 'back 3'])
})

test('retry tries a message as often as asked, then leaves it out', async () => {
  let tries = 0
  const out = new Collector()
  const flaky = operator((n: number) => {
    tries += 1
    if (n === 1 && tries < 3) throw new Error('not yet')
    if (n === 2) throw new Error('never')
    return n
  })
  await new Block('retry', flaky, {
    listeners: [[1, 2, 3]],
    publishers: [out],
    onError: { retry: { times: 2, delayMs: 1 } },
    ...quiet,
  }).run()
  expect(out.messages).toEqual([1, 3])
  expect(tries).toBe(3 + 3 + 1)
})

test('a generator that throws goes on with the messages that follow', async () => {
  const out = new Collector()
  const stream = operator(async function* (numbers: AsyncIterable<number>) {
    for await (const n of numbers) {
      if (n === 2) throw new Error('no twos')
      yield n
    }
  })
  await new Block('stream', stream, { listeners: [[1, 2, 3]], publishers: [out], ...quiet }).run()
  expect(out.messages).toEqual([1, 3])
})

test('a publisher that fails stops no other', async () => {
  const out = new Collector()
  const broken = {
    publish: () => {
      throw new Error('refused')
    },
  }
  const block = new Block('p', double, { listeners: [[1, 2]], publishers: [broken, out], ...quiet })
  await block.run()
  expect(out.messages).toEqual([2, 4])
  expect(block.stats.failed).toBe(2)
})

test('a listener that fails fails run(), after the others have ended', async () => {
  const out = new Collector()
  async function* broken() {
    yield 1
    throw new Error('cable out')
  }
  const block = new Block('l', double, { listeners: [broken(), [2]], publishers: [out], ...quiet })
  await expect(block.run()).rejects.toThrow(/block "l": listener .* failed: cable out/)
  expect(out.messages.toSorted((a, b) => Number(a) - Number(b))).toEqual([2, 4])
})

test('a signal stops the block: what was taken is published', async () => {
  const stopping = new AbortController()
  const out = new Collector<number>()
  async function* endless() {
    for (let n = 0; ; n += 1) {
      yield n
      await sleep(1)
    }
  }
  const running = new Block('s', double, { listeners: [endless()], publishers: [out] }).run({
    signal: stopping.signal,
  })
  await waitFor('results', () => out.messages.length > 5)
  stopping.abort()
  await running
  expect(out.messages).toEqual(out.messages.map((_, index) => index * 2))
})

test('a stop gives back what is not through by its deadline', async () => {
  const fates: string[] = []
  const stuck = operator(() => new Promise<number>(() => undefined))
  const block = new Block('stuck', stuck, { listeners: [settling([1, 2, 3], fates)], ...quiet })
  await block.start()
  await block.stop({ graceMs: 20 })
  expect(fates).toEqual(['back 2', 'back 3'])
})

test('results keep the order of each listener, also with concurrency', async () => {
  const out = new Collector<number>()
  let atOnce = 0
  let most = 0
  const uneven = operator(async (n: number) => {
    atOnce += 1
    most = Math.max(most, atOnce)
    await sleep((7 - (n % 8)) * 2)
    atOnce -= 1
    return n
  })
  const numbers = Array.from({ length: 40 }, (_, index) => index)
  const options = { listeners: [numbers], publishers: [out], concurrency: 8 }
  await new Block('ordered', uneven, options).run()
  expect(out.messages).toEqual(numbers)
  expect(most).toBeGreaterThan(4)
  const loose = new Collector<number>()
  await new Block('loose', uneven, { ...options, publishers: [loose], ordered: false }).run()
  expect(loose.messages).not.toEqual(numbers)
  expect(loose.messages.toSorted((a, b) => a - b)).toEqual(numbers)
})

test('partitionBy keeps the order of each key, and works on one message of a key at a time', async () => {
  const out = new Collector<{ key: string; n: number }>()
  const busy = new Set<string>()
  const work = operator(async (message: { key: string; n: number }) => {
    expect(busy.has(message.key)).toBe(false)
    busy.add(message.key)
    await sleep(message.n % 3)
    busy.delete(message.key)
    return message
  })
  const messages = Array.from({ length: 60 }, (_, n) => ({ key: `k${n % 7}`, n }))
  await new Block('keys', work, {
    listeners: [messages],
    publishers: [out],
    concurrency: 4,
    partitionBy: ({ key }: { key: string }) => key,
    onError: 'stop',
  }).run()
  for (let key = 0; key < 7; key += 1) {
    const ofKey = out.messages.filter((message) => message.key === `k${key}`).map(({ n }) => n)
    expect(ofKey).toEqual(ofKey.toSorted((a, b) => a - b))
  }
  expect(out.messages).toHaveLength(60)
})

test('a slow publisher holds back the block; one that drops does not', async () => {
  let sent = 0
  async function* source() {
    for (; sent < 500; sent += 1) yield sent
  }
  const gate = deferred()
  const slow = { publish: async () => await gate.promise }
  const block = new Block('slow', double, {
    listeners: [source()],
    publishers: [slow],
    queue: { limit: 8 },
    outlet: { limit: 8 },
  })
  await block.start()
  await sleep(20)
  expect(sent).toBeLessThan(30)
  gate.resolve()
  await block.finished
  expect(block.stats).toMatchObject({ received: 500, published: 500, dropped: 0 })
})

test.each([
  ['drop-oldest', [0, 7, 8, 9]],
  ['drop-newest', [0, 1, 2, 3]],
  ['latest', [0, 9]],
] as const)('a full queue with %s keeps %j and counts what it drops', async (whenFull, kept) => {
  const out = new Collector<number>()
  const gate = deferred()
  const begun = deferred()
  const waits = operator(async (n: number) => {
    begun.resolve()
    await gate.promise
    return n
  })
  async function* burst() {
    yield 0
    await begun.promise
    yield* [1, 2, 3, 4, 5, 6, 7, 8, 9]
  }
  const block = new Block('full', waits, {
    listeners: [burst()],
    publishers: [out],
    queue: { limit: 3, whenFull },
    ...quiet,
  })
  await block.start()
  await sleep(10)
  gate.resolve()
  await block.finished
  expect(out.messages).toEqual(kept)
  expect(block.stats.dropped).toBe(10 - kept.length)
})

test('wrong parts and options are refused, by name', () => {
  const make = (parts: object) => () => new Block('b', double, parts as never)
  expect(make({ queue: { limit: 0 } })).toThrow('block "b": queue.limit is 0')
  expect(make({ queue: { whenFull: 'explode' } })).toThrow(/whenFull is "explode", expected wait/)
  expect(make({ onError: 'ignore' })).toThrow(/onError is "ignore"/)
  expect(make({ concurrency: 1.5 })).toThrow(/concurrency is 1.5/)
  expect(make({ listeners: [5] })).toThrow(/listener 0 must be an instance of Listener/)
  expect(make({ publishers: [{}] })).toThrow(/publisher 0 must be an instance of Publisher/)
  expect(() => new Block('b', (() => 1) as never)).toThrow(
    /Operator must be an instance of Operator/,
  )
})

test('a publisher that does not close ends the run with its error; all the others are closed', async () => {
  const out = new Collector()
  const closed: string[] = []
  class Summing extends Operator<number, number> {
    process(n: number) {
      return n
    }

    override close() {
      closed.push('operator')
    }
  }
  const listener = new LinkListener('numbers', async (inlet) => {
    inlet.defer(() => closed.push('listener'))
    await inlet.put(1)
  })
  const stuck = {
    publish: () => undefined,
    close: () => Promise.reject(new Error('cannot flush')),
  }
  const block = new Block('b', new Summing() as Operator, {
    listeners: [listener],
    publishers: [stuck, out],
    ...quiet,
  })
  await expect(block.run()).rejects.toThrow('publisher publisher did not close: cannot flush')
  expect([out.closed, out.messages, closed]).toEqual([1, [1], ['listener', 'operator']])
})

test('a block that cannot open its operator closes all publishers, and says why', async () => {
  const out = new Collector()
  class Refusing extends Operator {
    override open(): never {
      throw new Error('no calibration')
    }

    process() {
      return undefined
    }
  }
  const stuck = { publish: () => undefined, close: () => Promise.reject(new Error('and this')) }
  const block = new Block('b', new Refusing(), {
    listeners: [[1]],
    publishers: [stuck, out],
    ...quiet,
  })
  await expect(block.start()).rejects.toThrow('no calibration')
  expect([out.closed, block.isRunning]).toEqual([1, false])
})

test('a message that an iterable was about to give when the block stopped is worked on', async () => {
  const out = new Collector<number>()
  const asked = deferred()
  const answer = deferred()
  async function* source() {
    asked.resolve()
    await answer.promise
    yield 1
    yield 2
  }
  const block = new Block('late', double, { listeners: [source()], publishers: [out] })
  await block.start()
  await asked.promise
  const stopping = block.stop()
  answer.resolve()
  await stopping
  expect(out.messages).toEqual([2])
})

test('a message whose key cannot be told fails, and those around it do not', async () => {
  const out = new Collector()
  const fates: string[] = []
  const block = new Block(
    'keys',
    operator((message: unknown) => message),
    {
      listeners: [settling([{ k: 1 }, null, { k: 2 }], fates)],
      publishers: [out],
      concurrency: 2,
      partitionBy: (message: { k: number }) => message.k,
      ...quiet,
    },
  )
  await block.run()
  expect(out.messages).toHaveLength(2)
  expect(fates).toContain('reject null')
  expect(block.stats.failed).toBe(1)
})
