import { expect, test } from 'vitest'
import { parseAmqpUrl } from '../../../src/brokers/amqp/connecting/amqp-url.ts'

const defaults = {
  protocol: 'amqp',
  hostname: 'localhost',
  port: 5672,
  username: 'guest',
  password: 'guest',
  vhost: '/',
}

test.each([
  ['amqp://', {}],
  ['amqp://localhost', {}],
  ['amqp://host/', { hostname: 'host' }],
  ['amqp://host//', { hostname: 'host' }],
  ['amqp://host/%2F', { hostname: 'host' }],
  ['amqp://host/vhost', { hostname: 'host', vhost: 'vhost' }],
  ['amqp://host//slashed', { hostname: 'host', vhost: '/slashed' }],
  ['amqp://host:1234', { hostname: 'host', port: 1234 }],
  ['amqp://user@host', { hostname: 'host', username: 'user' }],
  ['amqp://user:@host', { hostname: 'host', username: 'user' }],
  ['amqp://guest@localhost//', {}],
  ['amqp://user:p%40ss%2F@host', { hostname: 'host', username: 'user', password: 'p@ss/' }],
  ['amqp://user:p@ss@host', { hostname: 'host', username: 'user', password: 'p@ss' }],
  ['amqp://user:50%@host', { hostname: 'host', username: 'user', password: '50%' }],
  ['amqp://u:p@/v', { username: 'u', password: 'p', vhost: 'v' }],
  ['amqp://[::1]:5673/v', { hostname: '::1', port: 5673, vhost: 'v' }],
  ['amqps://host', { protocol: 'amqps', hostname: 'host', port: 5671 }],
  ['AMQP://host?heartbeat=30', { hostname: 'host', heartbeatSeconds: 30 }],
])('%s is read with the defaults of Celery', (url, parts) => {
  expect(parseAmqpUrl(url)).toEqual({ ...defaults, heartbeatSeconds: undefined, ...parts })
})

test('a url that cannot be read is shown without its password', () => {
  expect(() => parseAmqpUrl('amqp://me:hidden@host:port')).toThrow(
    expect.objectContaining({
      code: 'BROKER_UNREACHABLE',
      message: expect.stringMatching(/^(?!.*hidden).*amqp:\/\/me:\*\*\*@host:port; expected amqp:/),
    }),
  )
})
