import { beforeAll, expect, onTestFinished, test } from 'vitest'
import {
  MemoryTransport,
  RecipeWrapper,
  type TransportHeader,
  wrapSubscribe,
} from '../../src/recipes/index.ts'
import { MetricsMiddleware } from '../../src/recipes/record/metrics-middleware.ts'
import { TracingMiddleware } from '../../src/recipes/record/tracing-middleware.ts'
import { Metrics } from '../../src/telemetry/metrics/metrics.ts'
import { TransportMetrics } from '../../src/telemetry/metrics/transport-metrics.ts'
import { spanFields } from '../../src/telemetry/traces/active-span.ts'
import { transportTracer } from '../../src/telemetry/traces/trace-transport.ts'
import { captured } from '../support/captured.ts'
import { sorted } from '../support/sorted.ts'
import { waitFor } from '../support/wait-for.ts'
import { forgetSpans, spanOf, startTracing } from '../telemetry/traced.ts'

beforeAll(() => startTracing())

const recipe = { start: [[1, {}]], '1': { queue: 'one', output: 2 }, '2': { queue: 'two' } }

test('a transport is counted under the names of python-workflows', async () => {
  const transport = memory()
  const metrics = await Metrics.open()
  const counts = new TransportMetrics(metrics.kit, 'zocalo.service.mine:Mine')
  transport.addMiddleware(new MetricsMiddleware(counts))
  let done = 0
  const callback = async function pass(_header: unknown, message: unknown) {
    done += 1
    if (message === 'bad') throw new Error('bad')
  }
  const id = await transport.subscribe('q', callback)
  await transport.send('q', 'good')
  await transport.rawSend('q', '"bad"')
  await transport.broadcast('news', 1)
  const transaction = await transport.transactionBegin()
  await transport.transactionAbort(transaction)
  await transport.transactionBegin()
  await waitFor('both messages', () => done === 2)
  await transport.unsubscribe(id)
  const { text } = await metrics.read()
  const of = (name: string) => new RegExp(`^${name}\\{[^}]*\\} (.*)$`, 'm').exec(text)?.[1]
  expect(text).toContain('workflows_transport_send_total{source="zocalo.service.mine:Mine"} 2')
  expect(of('workflows_transport_broadcast_total')).toBe('1')
  expect(of('workflows_transport_subscriptions_total')).toBe('1')
  expect(of('workflows_transport_active_subscriptions')).toBe('0')
  expect(of('workflows_transport_transaction_begin_total')).toBe('2')
  expect(of('workflows_transport_transactions_in_progress')).toBe('1')
  expect(text).toContain(
    'workflows_callback_processing_time_seconds_count{source="zocalo.service.mine:pass"} 2',
  )
})

test('metrics have the names, help, types, labels and buckets that python-workflows serves', async () => {
  const { metrics: theirs } = captured<{ metrics: readonly string[] }>('endpoints')
  const transport = memory()
  const metrics = await Metrics.open()
  const counts = new TransportMetrics(metrics.kit, 'peer_services:CapStore')
  transport.addMiddleware(new MetricsMiddleware(counts))
  const callbacks = {
    'CapStore.receive': async (header: TransportHeader) => await transport.ack(header),
  }
  await transport.subscribe('q', callbacks['CapStore.receive'], { acknowledgement: true })
  await transport.send('q', 'one')
  await waitFor('the message', async () => (await metrics.read()).text.includes('_count{'))
  const ours = new Set((await metrics.read()).text.split('\n').map(comparable))
  // Its client library adds the times at which counters were made; ours does not.
  const expected = theirs.filter((line) => !line.includes('_created')).map(comparable)
  expect(expected.filter((line) => !ours.has(line))).toEqual([])
})

/** A line with its labels in one order, and without the value that is a time. */
function comparable(line: string): string {
  const [, name = '', labels = '', value = ''] = /^([a-z_]+)\{(.*)\} (.*)$/.exec(line) ?? []
  if (name === '') return line
  const inOrder = sorted(labels.replaceAll(/(le="\d+)\.0"/g, '$1"').split(','))
  return `${name}{${inOrder.join(',')}} ${name.endsWith('_seconds_sum') ? '' : Number(value)}`
}

test('a run is one trace: sends and callbacks are spans of each other, named as those of python-workflows', async () => {
  forgetSpans()
  const transport = memory()
  const tracer = await transportTracer('My Service')
  if (tracer === undefined) throw new Error('an SDK is registered')
  transport.addMiddleware(new TracingMiddleware(tracer))
  let fields: unknown
  const received = new Promise<Readonly<Record<string, unknown>>>((resolve) => {
    void wrapSubscribe(
      transport,
      'one',
      async (wrapper, header) => {
        await transport.ack(header)
        await wrapper?.send('on')
      },
      { acknowledgement: true },
    )
    void wrapSubscribe(transport, 'two', (_wrapper, header) => {
      fields = spanFields()
      resolve(header)
    })
  })
  await new RecipeWrapper({ recipe, environment: { ID: 'run-1' }, transport }).start()
  const { traceparent } = await received
  const send = await spanOf('transport.send')
  const { traceId } = send.spanContext()
  expect(send.attributes).toEqual({ service_name: 'My Service', destination: 'one' })
  const callback = await spanOf('transport.subscribe', traceId)
  expect(callback.attributes).toEqual({
    service_name: 'My Service',
    channel: 'one',
    recipe_id: 'run-1',
  })
  expect(callback.parentSpanContext?.spanId).toBe(send.spanContext().spanId)
  const ack = await spanOf('transport.ack', traceId)
  expect(ack.parentSpanContext?.spanId).toBe(callback.spanContext().spanId)
  expect(traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`))
  expect(fields).toMatchObject({ trace_id: traceId })
})

function memory(): MemoryTransport {
  const transport = new MemoryTransport({ name: crypto.randomUUID() })
  onTestFinished(() => transport.disconnect())
  return transport
}
