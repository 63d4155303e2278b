import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SQS } from '@aws-sdk/client-sqs'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Delivery } from '../../../src/brokers/broker.ts'
import { durableQueue, type Topology } from '../../../src/protocol/routing/topology.ts'
import { waitFor } from '../../support/wait-for.ts'
import { faultyProxy } from './faulty-proxy.ts'
import { type SqsSpace, sqsSpace } from './fauxqs.ts'

const WORK: Topology = { exchanges: [], queues: [durableQueue('work')], bindings: [] }
const TO_WORK = { exchange: '', routingKey: 'work' }

test('queues that are created have the tags and the attributes that were asked for', async () => {
  const space = await sqsSpace({
    queue_tags: { team: 'billing' },
    'sqs-creation-attributes': { MessageRetentionPeriod: '1209600' },
    max_receives: 4,
  })
  await space.open().declare(WORK)
  const { sqs, url } = await asked(space, 'work')
  expect((await sqs.listQueueTags({ QueueUrl: url })).Tags).toEqual({ team: 'billing' })
  const { Attributes = {} } = await sqs.getQueueAttributes({
    QueueUrl: url,
    AttributeNames: ['All'],
  })
  expect(Attributes).toMatchObject({ MessageRetentionPeriod: '1209600' })
  expect(JSON.parse(Attributes.RedrivePolicy ?? '{}')).toMatchObject({
    deadLetterTargetArn: expect.stringContaining(space.nameOf('dlq.work')),
    maxReceiveCount: 4,
  })
})

test('a rejected task of backoff_tasks comes again after the seconds of backoff_policy', async () => {
  const space = await sqsSpace()
  await space.open().declare(WORK)
  const { url } = await asked(space, 'work')
  const broker = space.open({
    predefined_queues: {
      work: { url, backoff_policy: { 1: 1 }, backoff_tasks: ['export.add'] },
    },
  })
  const deliveries: Delivery[] = []
  await broker.publish(
    { headers: { task: 'export.add', id: 'x' }, properties: {}, body: Buffer.from('x') },
    TO_WORK,
  )
  await broker.consume('work', { prefetch: 1 }, (delivery) => void deliveries.push(delivery))
  await waitFor('it', () => deliveries.length === 1)
  const rejectedAt = performance.now()
  await deliveries[0]?.reject()
  await waitFor('it again', () => deliveries.length === 2)
  expect(deliveries[1]?.attempt).toBe(2)
  expect(performance.now() - rejectedAt).toBeGreaterThan(800)
})

test('with sts_role_arn calls are signed by the role that was assumed, once for all of them', async () => {
  const asks: string[] = []
  vi.stubEnv('AWS_ENDPOINT_URL_STS', await roleServer(asks))
  onTestFinished(() => void vi.unstubAllEnvs())
  const space = await sqsSpace()
  const proxy = await faultyProxy(space.server.port)
  const broker = space.openBehind(proxy, {
    sts_role_arn: 'arn:aws:iam::1:role/worker',
    sts_token_timeout: 1_200,
  })
  await broker.declare(WORK)
  await broker.publish({ headers: {}, properties: {}, body: Buffer.from('x') }, TO_WORK)
  expect([...proxy.keys]).toEqual(['ASSUMED'])
  expect(asks).toHaveLength(1)
  expect(Object.fromEntries(new URLSearchParams(asks[0]))).toMatchObject({
    Action: 'AssumeRole',
    RoleArn: 'arn:aws:iam::1:role/worker',
    DurationSeconds: '1200',
  })
})

test('a poll that never ends is given up, and the next one finds what waits', async () => {
  const space = await sqsSpace()
  const proxy = await faultyProxy(space.server.port)
  const broker = space.openBehind(proxy, {
    visibility_timeout: 5,
  })
  await broker.declare(WORK)
  let hung = 0
  proxy.fault = (action) => {
    if (action !== 'ReceiveMessage' || hung > 0) return 'pass'
    hung += 1
    return 'hang'
  }
  const bodies: string[] = []
  await broker.consume('work', { prefetch: 1 }, (delivery) => {
    bodies.push(delivery.message.body.toString())
    void delivery.ack()
  })
  await broker.publish({ headers: {}, properties: {}, body: Buffer.from('x') }, TO_WORK)
  await waitFor('it', () => bodies.length === 1)
  expect(hung).toBe(1)
})

test('a call without an answer ends after read_timeout and is made again', async () => {
  const space = await sqsSpace()
  const proxy = await faultyProxy(space.server.port)
  const broker = space.openBehind(proxy, {
    'client-config': { read_timeout: 0.5 },
  })
  let hung = 0
  proxy.fault = () => {
    hung += 1
    return hung === 1 ? 'hang' : 'pass'
  }
  const lost = new Promise<Error>((resolve) => broker.on('lost', resolve))
  await broker.declare(WORK)
  expect(await lost).toMatchObject({ name: 'TimeoutError' })
})

async function asked(space: SqsSpace, queue: string) {
  const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' }
  const endpoint = `http://127.0.0.1:${space.server.port}`
  const sqs = new SQS({ region: 'us-east-1', endpoint, credentials })
  onTestFinished(() => sqs.destroy())
  const { QueueUrl: url = '' } = await sqs.getQueueUrl({ QueueName: space.nameOf(queue) })
  return { sqs, url }
}

/** Stands for Amazon's STS. */
async function roleServer(asks: string[]): Promise<string> {
  const server = createServer(async (incoming, outgoing) => {
    let text = ''
    for await (const chunk of incoming) text += String(chunk)
    asks.push(text)
    outgoing.writeHead(200, { 'content-type': 'text/xml' })
    outgoing.end(`<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
      <AccessKeyId>ASSUMED</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
      <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
