import { expect, onTestFinished, test } from 'vitest'
import { Config } from '../../src/config/config.ts'
import { createApp } from '../../src/create-app.ts'
import { BrokerError } from '../../src/errors.ts'
import { silentLogger } from '../../src/logger.ts'
import { firstConnection } from '../../src/worker/receiving/first-connection.ts'
import { embeddedApp, recordingLogger } from '../support/embedded-app.ts'

const AWAY = new BrokerError('BROKER_UNREACHABLE', 'no connection')

test('a worker that is started before its broker waits for it, and says so', async () => {
  const { app, lines } = appWhoseBrokerComesAfter(1)
  const broker = await firstConnection(app, new AbortController().signal)
  expect(broker.kind).toBe('memory')
  expect(lines.map(({ sentence }) => sentence)).toEqual([
    'broker unreachable at the start, trying again',
  ])
})

test('it does not wait where the config says so, nor longer than the config says', async () => {
  const signal = new AbortController().signal
  const hasty = appWhoseBrokerComesAfter(1, { broker_connection_retry_on_startup: false })
  await expect(firstConnection(hasty.app, signal)).rejects.toBe(AWAY)
  const never = appWhoseBrokerComesAfter(1, { broker_connection_retry: false })
  await expect(firstConnection(never.app, signal)).rejects.toBe(AWAY)
  const limited = appWhoseBrokerComesAfter(5, { broker_connection_max_retries: 1 })
  await expect(firstConnection(limited.app, signal)).rejects.toBe(AWAY)
})

test('a stop ends the waiting', async () => {
  const { app } = appWhoseBrokerComesAfter(100)
  const stop = new AbortController()
  const waiting = firstConnection(app, stop.signal)
  stop.abort(new Error('stopping'))
  await expect(waiting).rejects.toThrow(/stopping|no connection/)
})

test.each([
  ['TLS options', { broker_use_ssl: { ca_certs: '/nowhere/ca.pem' } }, /ca_certs cannot be read/],
  ['a login method', { broker_login_method: 'GUESS' }, /"GUESS" is unknown/],
])('%s that no later try would take end it at once', async (_, settings, why) => {
  const config = new Config({ broker_url: 'amqp://nowhere.invalid', ...settings })
  const app = createApp(config, { logger: silentLogger })
  onTestFinished(() => app.close())
  await expect(firstConnection(app, AbortSignal.timeout(5_000))).rejects.toThrow(why)
})

function appWhoseBrokerComesAfter(failures: number, settings = {}) {
  const logger = recordingLogger()
  const app = embeddedApp(settings, { logger })
  const readyBroker = app.readyBroker.bind(app)
  let left = failures
  app.readyBroker = async () => {
    left -= 1
    if (left >= 0) throw AWAY
    return await readyBroker()
  }
  return { app, lines: logger.lines }
}
