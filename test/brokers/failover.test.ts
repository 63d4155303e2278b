import { expect, test } from 'vitest'
import { Failover, failoverOrder, urlsIn } from '../../src/brokers/failover.ts'
import { Config } from '../../src/index.ts'

const THREE = ['amqp://one', 'amqp://two', 'amqp://three']
const never = () => false

test('urls are separated by semicolons', () => {
  expect(urlsIn('amqp://one; amqp://two;')).toEqual(['amqp://one', 'amqp://two'])
  expect(urlsIn('memory://')).toEqual(['memory://'])
})

test.each([
  ['a list', ['amqp://one', 'amqp://two']],
  ['a text', 'amqp://one;amqp://two'],
])('broker_url may be %s', (_, broker_url) => {
  const config = new Config({ queues: ['export'], broker_url, dotenv: false, environment: {} })
  expect(config.brokerUrls).toEqual(['amqp://one', 'amqp://two'])
})

test('the strategy is one that Celery knows, or a function', () => {
  const choose = (urls: readonly string[]) => urls.toReversed()
  const options = { queues: ['export'], dotenv: false as const, environment: {} }
  for (const broker_failover_strategy of ['round-robin', 'shuffle', choose, null] as const) {
    expect(new Config({ ...options, broker_failover_strategy }).broker_failover_strategy).toBe(
      broker_failover_strategy,
    )
  }
  const environment = { CELERY_BROKER_FAILOVER_STRATEGY: 'best-first' }
  expect(() => new Config({ ...options, environment })).toThrow(/best-first.*'round-robin'/)
})

test('an address is kept until it fails; after the last one comes the first', async () => {
  const failover = new Failover(THREE)
  const tried: string[] = []
  const connect = async (url: string) => {
    tried.push(url)
    if (url === 'amqp://one') throw new Error('away')
    return url
  }
  expect(await failover.each(connect, never)).toBe('amqp://two')
  expect(await failover.each(connect, never)).toBe('amqp://two')
  failover.advance()
  failover.advance()
  expect(await failover.each(connect, never)).toBe('amqp://two')
  expect(tried.map((url) => url.slice(7))).toEqual(['one', 'two', 'two', 'one', 'two'])
})

test('where none can be reached, each was tried once, and what may pass is reported before what stays', async () => {
  const failover = new Failover(THREE)
  const tried: string[] = []
  const failure = failover.each(
    async (url) => {
      tried.push(url)
      throw new Error(url)
    },
    (error) => !String(error).includes('two'),
  )
  await expect(failure).rejects.toThrow('amqp://two')
  expect(tried).toEqual(THREE)
})

test('shuffled urls are all there', () => {
  const order = [...failoverOrder(THREE, 'shuffle')()]
  expect(new Set(order)).toEqual(new Set(THREE))
})

test('a function of one’s own gives the order', () => {
  const failover = new Failover(
    THREE,
    failoverOrder(THREE, (urls) => urls.toReversed()),
  )
  expect(failover.current).toBe('amqp://three')
  failover.advance()
  expect(failover.current).toBe('amqp://two')
})
