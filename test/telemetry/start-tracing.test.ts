import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { context, propagation, trace } from '@opentelemetry/api'
import { expect, onTestFinished, test } from 'vitest'
import { startTracing, type Tracing } from '../../src/telemetry/traces/start-tracing.ts'

test('spans are sent to a collector as OTLP in JSON, what is left of them at the end', async () => {
  const bodies: string[] = []
  const server = createServer((request, response) => {
    request.on('data', (bytes) => bodies.push(String(bytes)))
    request.on('end', () => response.end('{}'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const tracing = await started((server.address() as AddressInfo).port)
  trace
    .getTracer('mine')
    .startSpan('transport.send', { attributes: { destination: 'q' } })
    .end()
  await tracing.close()
  expect(JSON.parse(bodies.join(''))).toMatchObject({
    resourceSpans: [
      {
        resource: {
          attributes: expect.arrayContaining([
            { key: 'service.name', value: { stringValue: 'My Service' } },
          ]),
        },
        scopeSpans: [
          {
            scope: { name: 'mine' },
            spans: [
              {
                name: 'transport.send',
                attributes: [{ key: 'destination', value: { stringValue: 'q' } }],
              },
            ],
          },
        ],
      },
    ],
  })
})

test('a collector that is away costs spans, and holds no stop up', async () => {
  const tracing = await started(1)
  trace.getTracer('mine').startSpan('transport.send').end()
  const startedAt = performance.now()
  await expect(tracing.close()).resolves.toBeUndefined()
  // The exporter gives up after its second.
  expect(performance.now() - startedAt).toBeLessThan(5_000)
})

test('an SDK that the process has registered stays the one', async () => {
  await started(1)
  expect(await startTracing('Other', placeAt(1))).toBeNull()
})

async function started(port: number): Promise<Tracing> {
  onTestFinished(() => {
    for (const api of [trace, context, propagation]) api.disable()
  })
  const tracing = await startTracing('My Service', placeAt(port))
  if (tracing === null) throw new Error('another SDK is registered')
  return tracing
}

function placeAt(port: number) {
  return { endpoint: `http://127.0.0.1:${port}/v1/traces`, timeoutMs: 1000 }
}
