import { expect, onTestFinished, test } from 'vitest'
import { openBroker } from '../../../src/brokers/open-broker.ts'
import { startDevSqs } from '../../../src/cli/dev/dev-sqs.ts'
import { durableQueue } from '../../../src/protocol/routing/topology.ts'

test('--broker sqs has a server of its own, which takes messages', async () => {
  const server = await startDevSqs()
  onTestFinished(() => server.stop())
  const broker = openBroker({ url: server.url, transportOptions: { region: 'us-east-1' } })
  onTestFinished(() => broker.close())
  await broker.declare({ exchanges: [], queues: [durableQueue('work')], bindings: [] })
  const message = { headers: {}, properties: {}, body: Buffer.from('x') }
  await broker.publish(message, { exchange: '', routingKey: 'work' })
  expect((await broker.depth('work')).messages).toBe(1)
})
