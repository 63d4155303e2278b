import { expect, onTestFinished, test } from 'vitest'
import { AmqpBroker } from '../../../src/brokers/amqp/amqp-broker.ts'
import { durableQueue } from '../../../src/protocol/routing/topology.ts'
import { freshVhost } from '../../support/rabbitmq.ts'
import { behindTls, selfSigned } from '../../support/tls-door.ts'

const work = { exchanges: [], queues: [durableQueue('work')], bindings: [] }

test('amqps checks the certificate of the broker against the one it was given', async () => {
  const certificate = selfSigned()
  const { url } = await freshVhost()
  const tlsUrl = await behindTls(url, certificate)
  const trusting = opened({ url: tlsUrl, tls: { ca: certificate.cert } })
  await trusting.declare(work)
  expect(await trusting.depth('work')).toEqual({ messages: 0, consumers: 0 })
  await expect(opened({ url: tlsUrl, connectTimeoutMs: 200 }).declare(work)).rejects.toMatchObject({
    code: 'BROKER_UNREACHABLE',
    message: expect.stringMatching(/self-signed certificate/),
  })
})

function opened(options: ConstructorParameters<typeof AmqpBroker>[0]): AmqpBroker {
  const broker = new AmqpBroker(options)
  onTestFinished(() => broker.close())
  return broker
}
