import { setTimeout as sleep } from 'node:timers/promises'
import { trace } from '@opentelemetry/api'
import { expect, test } from 'vitest'
import { deferred } from '../../../src/async/deferred.ts'
import { silentLogger } from '../../../src/logger.ts'
import { Block, operator, StreamMetrics, timer, withHeaders } from '../../../src/streams/index.ts'
import { type MessageHeaders, Received } from '../../../src/streams/parts/received.ts'
import { Metrics } from '../../../src/telemetry/metrics/metrics.ts'
import { waitFor } from '../../support/wait-for.ts'
import { spanOf, startTracing } from '../../telemetry/traced.ts'
import { Collector, forever } from '../support/parts.ts'

test('metrics have the names of the facts under our prefix, and under arroyopy by option', async () => {
  const metrics = await Metrics.open()
  const streams = new StreamMetrics(metrics.kit, { arroyo: true })
  metrics.add(streams)
  const work = operator(function halve(n: number) {
    if (n === 3) throw new Error('odd')
    return n / 2
  })
  const block = new Block('m', work, {
    listeners: [[2, 3, 4]],
    publishers: [new Collector()],
    observer: streams.observer,
    logger: silentLogger,
  })
  streams.watch(block)
  await block.run()
  const { text } = await metrics.read()
  for (const prefix of ['celery_toolbox_', 'arroyopy_']) {
    expect(text).toMatch(
      new RegExp(`^${prefix}messages_received_total\\{listener_type="\\w+"\\} 3$`, 'm'),
    )
    expect(text).toMatch(
      new RegExp(`^${prefix}processing_seconds_bucket\\{le="10",operator_type="halve"\\} 2$`, 'm'),
    )
    expect(text).toContain(`${prefix}avg_processing_seconds{operator_type="halve"}`)
    expect(text).toContain(`# TYPE ${prefix}messages_per_second gauge`)
  }
  expect(text).toContain('celery_toolbox_stream_failed_total 1')
  expect(text).toContain('celery_toolbox_stream_queue_messages{block="m"} 0')
})

test('timer times functions, async ones until they have resolved, and shows events as a table', async () => {
  const times = timer()
  const slow = times.wrap(async function slow() {
    await sleep(20)
  })
  const quick = times.wrap((n: number) => n + 1, 'quick')
  await slow()
  expect(quick(1)).toBe(2)
  times.endEvent()
  quick(2)
  expect(times.rows).toHaveLength(2)
  expect(times.rows[0]?.slow).toBeGreaterThan(0.015)
  expect(Object.keys(times.rows[1] ?? {})).toEqual(['quick'])
  expect(times.table()).toMatch(
    /^event +slow \(ms\) +quick \(ms\)\n {4}1 +\d+\.\d{3} +\d+\.\d{3}\n {4}2 +\d+\.\d{3}$/,
  )
  times.reset()
  expect(times.rows).toEqual([])
})

class Told {
  readonly events: { type: string; fields: Record<string, unknown> }[] = []

  emit(type: string, fields: Record<string, unknown>): void {
    this.events.push({ type, fields })
  }

  get types(): string[] {
    return this.events.map(({ type }) => type)
  }
}

test('a run reports its start and its end, whatever the number of its messages', async () => {
  const told = new Told()
  const block = new Block('count', operator(Number), {
    listeners: [Array.from({ length: 1_000 }, (_, n) => n)],
    publishers: [new Collector()],
    events: told,
  })
  await block.run()
  expect(told.types).toEqual(['stream-started', 'stream-ended'])
  expect(told.events[1]?.fields).toMatchObject({
    uuid: block.runId,
    root_id: block.runId,
    name: 'count',
    operator: 'Number',
    counts: { received: 1_000, published: 1_000, failed: 0, waiting: 0 },
  })
  await block.run()
  expect(new Set(told.events.map(({ fields }) => fields.uuid)).size).toBe(2)
})

test('events under the old name of their method, tell, are sent, too', async () => {
  const types: string[] = []
  const events = { tell: (type: string) => void types.push(type) }
  await new Block('old', operator(Number), { listeners: [[1]], events }).run()
  expect(types).toEqual(['stream-started', 'stream-ended'])
})

test('a long run is sampled where its counts have changed, as a part of the family it is given', async () => {
  const told = new Told()
  const ending = new AbortController()
  const block = new Block('long', operator(Number), {
    listeners: [forever([1, 2], ending.signal)],
    events: told,
    sampleMs: 5,
    rootId: 'the-run',
    parentId: 'the-first-block',
    logger: silentLogger,
  })
  await block.start()
  await waitFor('a sample', () => told.types.includes('stream-sampled'))
  const known = told.events.length
  await sleep(40)
  expect(told.events.length - known).toBeLessThanOrEqual(1)
  expect(told.events.at(-1)?.fields).toMatchObject({
    root_id: 'the-run',
    parent_id: 'the-first-block',
    counts: { received: 2 },
  })
  ending.abort()
  await block.finished
  expect(told.types.at(-1)).toBe('stream-ended')
})

test('a run that fails ends with its error', async () => {
  const told = new Told()
  const fail = operator(() => {
    throw new RangeError('no light')
  })
  const parts = { listeners: [[1]], onError: 'stop', events: told, logger: silentLogger } as const
  await expect(new Block('dark', fail, parts).run()).rejects.toThrow('no light')
  expect(told.events.at(-1)).toMatchObject({
    type: 'stream-ended',
    fields: { exception: expect.stringContaining('no light'), traceback: expect.any(String) },
  })
})

test.each([
  [{ events: {} }, 'events must have a method emit(type, fields), such as app.events has'],
  [{ events: { emit: 1 } }, 'events must have a method emit(type, fields)'],
  [{ sampleMs: 0 }, 'sampleMs is 0, expected milliseconds above 0'],
])('events %j are refused', (parts, problem) => {
  expect(() => new Block('b', operator(Number), parts as object)).toThrow(problem)
})

test('each message has a span, which goes on from its traceparent and which its results take along', async () => {
  const stop = startTracing()
  try {
    const [first, second] = [new Collector(), new Collector()]
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const start = operator((n: number) => withHeaders(n, { run: 'r7', traceparent }))
    await new Block('untraced', start, { listeners: [[1]], publishers: [first] }).run()
    const middle = new Block('middle', operator(Number), {
      listeners: [[new Received({ value: 1, headers: first.headers[0] as MessageHeaders })]],
      publishers: [second],
    })
    await middle.run()
    const span = await spanOf('process middle', '0af7651916cd43dd8448eb211c80319c')
    expect(span.attributes).toMatchObject({ 'stream.block': 'middle', 'stream.operator': 'Number' })
    expect(second.headers).toEqual([
      {
        run: 'r7',
        traceparent: `00-0af7651916cd43dd8448eb211c80319c-${span.spanContext().spanId}-01`,
      },
    ])
  } finally {
    stop()
  }
})

test('the span of a message is active in its operator, and says what it failed with', async () => {
  const stop = startTracing()
  try {
    const fail = operator(async () => {
      await sleep(1)
      trace.getActiveSpan()?.setAttribute('seen', true)
      throw new RangeError('no light')
    })
    await new Block('failing', fail, { listeners: [[1]], logger: silentLogger }).run()
    const span = await spanOf('process failing')
    expect(span.attributes.seen).toBe(true)
    expect(span.status.message).toContain('no light')
  } finally {
    stop()
  }
})

test('the oldest message that waits shows how far a block is behind', async () => {
  const gate = deferred<void>()
  const block = new Block(
    'slow',
    operator(() => gate.promise),
    { listeners: [[1, 2, 3]] },
  )
  const metrics = await Metrics.open()
  const streams = new StreamMetrics(metrics.kit)
  metrics.add(streams)
  streams.watch(block)
  const running = block.run()
  await waitFor('messages that wait', () => block.stats.queue.messages === 2)
  await waitFor('a lag', () => block.stats.queue.lagMs > 5)
  const { text } = await metrics.read()
  expect(Number(/stream_lag_seconds\{block="slow"\} (\S+)/.exec(text)?.[1])).toBeGreaterThan(0.005)
  gate.resolve()
  await running
  expect(block.stats.queue.lagMs).toBe(0)
})
