import { randomUUID } from 'node:crypto'
import { SQS } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { SQS_FEATURES } from '../../src/brokers/features.ts'
import { sqsQueueName } from '../../src/brokers/sqs/queues/queue-name.ts'
import { SqsBroker } from '../../src/brokers/sqs/sqs-broker.ts'
import { durableQueue } from '../../src/protocol/routing/topology.ts'
import { spoiledEnvelopesContract } from '../brokers/sqs/spoiled-envelopes-contract.ts'
import { brokerContract } from '../contracts/broker-contract.ts'
import { type RunningSqs, startElasticMq, startMoto } from '../support/sqs-servers.ts'

// Each server is lax elsewhere: what all three of them let through is right.
describe.each([
  ['ElasticMQ', startElasticMq, 300],
  ['moto', startMoto, 90],
])('%s', (name, start, many) => {
  let server: RunningSqs
  beforeAll(async () => {
    server = await start()
  }, 120_000)
  afterAll(async () => server?.stop())

  const open = (prefix: string): SqsBroker => {
    const broker = new SqsBroker({
      url: `sqs://key:secret@${server.host}`,
      transportOptions: {
        region: 'us-east-1',
        queue_name_prefix: prefix,
        wait_time_seconds: 1,
        visibility_timeout: 30,
      },
      drainMs: 2_000,
    })
    onTestFinished(() => broker.close())
    return broker
  }
  const client = (): SQS => {
    const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' }
    const sqs = new SQS({ region: 'us-east-1', endpoint: `http://${server.host}`, credentials })
    onTestFinished(() => sqs.destroy())
    return sqs
  }

  brokerContract({
    name,
    features: SQS_FEATURES,
    many,
    makeSpace: async () => {
      const prefix = `t${randomUUID().slice(0, 8)}-`
      return {
        open: () => open(prefix),
        deleteQueue: async (queue) => {
          const sqs = client()
          const { QueueUrl } = await sqs.getQueueUrl({ QueueName: sqsQueueName(queue, prefix) })
          await sqs.deleteQueue({ QueueUrl })
        },
        loseConnection: async () => undefined,
      }
    },
  })

  spoiledEnvelopesContract(async () => server.host)

  test('the group of a message arrives on a standard queue', async () => {
    const prefix = `t${randomUUID().slice(0, 8)}-`
    const broker = open(prefix)
    await broker.declare({ exchanges: [], queues: [durableQueue('work')], bindings: [] })
    const message = { headers: {}, properties: {}, body: Buffer.from('x') }
    await broker.publish(message, { exchange: '', routingKey: 'work' }, { groupKey: 'tenant-7' })
    const sqs = client()
    const { QueueUrl } = await sqs.getQueueUrl({ QueueName: sqsQueueName('work', prefix) })
    const { Messages = [] } = await sqs.receiveMessage({
      QueueUrl,
      MessageSystemAttributeNames: ['MessageGroupId'],
    })
    expect(Messages[0]?.Attributes).toMatchObject({ MessageGroupId: 'tenant-7' })
  })
})
