import { expect, test } from 'vitest'
import { parseAmqpUrl } from '../../../src/brokers/amqp/connecting/amqp-url.ts'
import { heartbeatInWholeSeconds } from '../../../src/brokers/amqp/connecting/transport-options.ts'
import { openBroker } from '../../../src/brokers/open-broker.ts'
import { recordingLogger } from '../../support/embedded-app.ts'

const url = 'amqp://127.0.0.1:1'

test.each<[Record<string, unknown>, string]>([
  [{ channel_max: 'many' }, "channel_max is 'many', expected an integer from 0 to 65535"],
  [{ channel_max: -1 }, 'channel_max is -1, expected'],
  [{ channel_max: 70_000 }, 'channel_max is 70000, expected'],
  [{ frame_max: 1 }, 'frame_max is 1, expected an integer, 4096 or more, or 0'],
  [{ frame_max: 4096.5 }, 'frame_max is 4096.5, expected'],
  [{ heartbeat: '30' }, "heartbeat is '30', expected seconds, 0 or more"],
  [{ heartbeat: -5 }, 'heartbeat is -5, expected'],
  [{ connect_timeout: '5' }, "connect_timeout is '5', expected seconds, more than 0"],
  [{ client_properties: 'x' }, "client_properties is 'x', expected a dict"],
  [{ login_method: 5 }, 'login_method is 5, expected a text'],
])('an option that no connection could be made with is refused: %j', (transportOptions, why) => {
  expect(() => openBroker({ url, transportOptions })).toThrow(`broker_transport_options: ${why}`)
})

test('as in Celery, None stands for no option, and an empty login method for the default', async () => {
  const transportOptions = { channel_max: null, heartbeat: null, connect_timeout: null }
  await using broker = openBroker({ url, transportOptions, loginMethod: '' })
  expect(broker.safeUrl).toBe(url)
})

test('an option that has no effect is named, unless it is one of Python', async () => {
  const logger = recordingLogger()
  const transportOptions = { heartbeats: 5, confirm_publish: true, max_retries: 3, heartbeat: 5 }
  await using broker = openBroker({ url, transportOptions, logger })
  expect(broker.safeUrl).toBe(url)
  expect(logger.lines.map(({ fields }) => fields)).toEqual([{ option: 'heartbeats' }])
})

test.each([
  [0, 0],
  [0.5, 1],
  [1.5, 2],
  [120, 120],
  [Number.POSITIVE_INFINITY, 65_535],
])('a heartbeat of %f s is agreed upon as %i s', (seconds, whole) => {
  expect(heartbeatInWholeSeconds(seconds)).toBe(whole)
})

test('a url whose port or heartbeat cannot be used is refused', () => {
  expect(() => parseAmqpUrl('amqp://host:99999')).toThrow('expected a port up to 65535')
  expect(() => parseAmqpUrl('amqp://host?heartbeat=often')).toThrow('a number of seconds for heart')
  expect(parseAmqpUrl('amqp://host?heartbeat=2.5').heartbeatSeconds).toBe(2.5)
})
