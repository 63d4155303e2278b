import { expect, test } from 'vitest'
import { declaredPublisher } from '../../../src/brokers/declared-publisher.ts'
import { Config } from '../../../src/config/config.ts'
import { sqsSpace } from './fauxqs.ts'

const MESSAGE = { headers: { task: 'export.add', id: 'a' }, properties: {}, body: Buffer.from('x') }
const ROUTE = { exchange: 'task_exchange', routingKey: 'export' }

test('what is published for others reaches all queues, also where this process knew the mirror alone', async () => {
  const space = await sqsSpace()
  const config = new Config({ queues: ['export'], dotenv: false, environment: {} })
  const { exchanges, queues, bindings } = config.topology()
  const isMirror = (name: string): boolean => name === config.platformQueue
  const broker = space.open()
  await broker.declare({
    exchanges,
    queues: queues.filter(({ name }) => isMirror(name)),
    bindings: bindings.filter(({ queue }) => isMirror(queue)),
  })
  await declaredPublisher(broker, () => config.topology()).publish(MESSAGE, ROUTE)
  const ready = (queue: string) => space.server.inspectQueue(space.nameOf(queue))?.messages.ready
  expect(ready('export')).toHaveLength(1)
  expect(ready('platform.fifo')).toHaveLength(1)
})
