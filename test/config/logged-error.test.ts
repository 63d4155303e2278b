import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { Config } from '../../src/config/config.ts'
import { createLogger } from '../../src/config/logging/logging.ts'

test('a logged error shows what it is and what caused it, and nothing a driver hung on it', async () => {
  const lines: string[] = []
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString())
      done()
    },
  })
  const config = new Config({ queues: ['export'], dotenv: false, environment: {} })
  const logger = await createLogger(config, { destination, format: 'json' })
  const cause = new Error('cannot reach amqp://guest:secret@host')
  const error = Object.assign(new RangeError('no room', { cause }), {
    code: 'ENOSPC',
    client: { password: 'secret' },
  })
  logger.error({ err: error }, 'it failed')
  expect(JSON.parse(lines.join(''))).toMatchObject({
    msg: 'it failed',
    err: {
      type: 'RangeError',
      message: 'no room',
      code: 'ENOSPC',
      cause: { type: 'Error', message: 'cannot reach amqp://guest:***@host' },
    },
  })
  expect(lines.join('')).not.toContain('secret')
})
