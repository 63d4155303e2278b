import { expect, test } from 'vitest'
import { SQS_FEATURES } from '../../../src/brokers/features.ts'
import { FAIRNESS_HEADER } from '../../../src/protocol/routing/fairness.ts'
import { durableQueue } from '../../../src/protocol/routing/topology.ts'
import { brokerContract } from '../../contracts/broker-contract.ts'
import { faultyProxy } from './faulty-proxy.ts'
import { sqsSpace } from './fauxqs.ts'

brokerContract({
  name: 'sqs',
  features: SQS_FEATURES,
  makeSpace: async () => {
    const space = await sqsSpace()
    return {
      open: () => space.open(),
      deleteQueue: async (queue) => space.server.deleteQueue(space.nameOf(queue)),
      loseConnection: async () => undefined,
    }
  },
})

test('a message is sent on in a group that SQS takes, whatever its own is', async () => {
  const space = await sqsSpace()
  const proxy = await faultyProxy(space.server.port)
  const broker = space.openBehind(proxy)
  await broker.declare({ exchanges: [], queues: [durableQueue('work')], bindings: [] })
  const message = { headers: { [FAIRNESS_HEADER]: 'é x' }, properties: {}, body: Buffer.from('x') }
  await broker.publish(message, { exchange: '', routingKey: 'work' })
  const delivery = await broker.get('work')
  let sent = ''
  proxy.fault = (action, input) => {
    if (action.startsWith('SendMessage')) sent = JSON.stringify(input)
    return 'pass'
  }
  expect(await delivery?.sendOn?.(60_000)).toBe(true)
  expect(sent).toMatch(/"MessageGroupId":"[0-9a-f]{64}"/)
})
