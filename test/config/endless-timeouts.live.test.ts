import { expect, test } from 'vitest'
import { startWorker } from '../support/embedded-app.ts'
import { freshServers, liveApp } from '../support/live-app.ts'
import { service } from '../support/services.ts'

/** Beyond what a timer of Node counts, and what the text 1e400 is read as. */
const ENDLESS = [30 * 86_400, 1e308, Number.POSITIVE_INFINITY]

test.each(ENDLESS)(
  'RabbitMQ and Redis are connected to with timeouts of %d seconds',
  async (seconds) => {
    const app = liveApp(await freshServers(), {
      result_backend: service('REDIS_URL'),
      broker_connection_timeout: seconds,
      redis_socket_connect_timeout: seconds,
      redis_socket_timeout: seconds,
    })
    const add = app.task('export.add', (x: number, y: number) => x + y)
    await startWorker(app, { queues: ['export'] })
    const result = await add.delay(1, 2)
    expect(await result.get({ timeoutMs: 10_000 })).toBe(3)
  },
)
