import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { AmqpBroker } from '../../src/brokers/amqp/amqp-broker.ts'
import { featuresOf } from '../../src/brokers/features.ts'
import { MemoryBroker } from '../../src/brokers/memory/memory-broker.ts'

const SRC = join(import.meta.dirname, '../../src')

test('no code asks a broker or a result store for its kind', () => {
  const asking = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.startsWith('config/'))
    .filter((file) =>
      /\b(?:broker|results?|store)\.kind\s*[!=]==|config\.result_backend\??\.startsWith/.test(
        readFileSync(join(SRC, file), 'utf8'),
      ),
    )
  expect(asking).toEqual([])
})

test.each([
  ['amqp://host', true, true],
  ['amqps://host', true, true],
  ['memory://name', true, false],
  ['sqs://', false, false],
  ['other://', false, false],
])(
  '%s: the features are known before the broker is opened',
  (url, delayedExchanges, quorumQueues) => {
    expect(featuresOf(url)).toMatchObject({ delayedExchanges, quorumQueues })
  },
)

test.each([{ delayMs: 5 }, { groupKey: 'a' }, { dedupKey: 'a' }])(
  'an option that the broker does not support is refused, not ignored: %o',
  async (options) => {
    const message = { headers: {}, properties: {}, body: Buffer.alloc(0) }
    const route = { exchange: '', routingKey: 'work' }
    const nowhere = new AmqpBroker({ url: 'amqp://127.0.0.1:1' })
    onTestFinished(() => nowhere.close())
    for (const broker of [memoryBroker(), nowhere]) {
      const refused = {
        code: 'PUBLISH_REFUSED',
        message: expect.stringMatching(/delayMs|has no effect/),
      }
      await expect(broker.publish(message, route, options)).rejects.toMatchObject(refused)
      await expect(broker.publishMany([{ message, route }], options)).rejects.toMatchObject(refused)
    }
  },
)

function memoryBroker(): MemoryBroker {
  const broker = new MemoryBroker(`features-${Math.random()}`)
  onTestFinished(() => broker.close())
  return broker
}
