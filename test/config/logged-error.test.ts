import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { Config } from '../../src/config/config.ts'
import { loggedError } from '../../src/config/logging/logged-error.ts'
import { createLogger } from '../../src/config/logging/logging.ts'
import type { Logger } from '../../src/logger.ts'
import { ODD_ERRORS } from '../support/odd-values.ts'

test('a logged error shows what it is and what caused it, and nothing a driver hung on it', async () => {
  const { logger, lines } = await writing()
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

test.each(Object.entries(ODD_ERRORS))(
  '%s is logged in a line of bounded length',
  async (_, make) => {
    const { logger, lines } = await writing()
    logger.error({ err: make() }, 'it failed')
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines.join(''))).toMatchObject({ msg: 'it failed' })
    expect(lines.join('').length).toBeLessThan(100_000)
  },
)

test('the names and messages of errors that are no texts are shown all the same', async () => {
  const { logger, lines } = await writing()
  const error = Object.assign(new Error(), { message: 404, name: Symbol('odd') })
  logger.error({ err: Object.defineProperty(error, 'code', { get: refuse }) }, 'it failed')
  expect(JSON.parse(lines.join('')).err).toMatchObject({
    type: 'Symbol(odd)',
    message: '404',
    code: '(cannot be read)',
  })
})

test('what is thrown and is no error shows no secret, and only its start', async () => {
  const { logger, lines } = await writing()
  const thrown = { url: 'amqp://guest:secret@host', rows: Array.from({ length: 100_000 }, Object) }
  logger.error({ err: thrown }, 'it failed')
  logger.error({ err: 'cannot reach amqp://guest:secret@host' }, 'it failed')
  expect(lines.join('')).toContain('amqp://guest:***@host')
  expect(lines.join('')).not.toContain('secret')
  expect(lines.join('').length).toBeLessThan(1_000)
})

test.each(['message', 'name'])(
  'an error whose %s shares itself without end is shown at once',
  (part) => {
    let shared: unknown = [1]
    for (let level = 0; level < 40; level += 1) shared = [shared, shared]
    const error = Object.assign(new Error('mine'), { [part]: shared })
    expect(loggedError(error)).not.toHaveProperty('stack')
  },
)

function refuse(): never {
  throw new RangeError('refused')
}

/** A logger, and the lines that it has written. */
async function writing(): Promise<{ readonly logger: Logger; readonly lines: readonly string[] }> {
  const lines: string[] = []
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString())
      done()
    },
  })
  const config = new Config({ queues: ['export'], dotenv: false, environment: {} })
  return { logger: await createLogger(config, { destination, format: 'json' }), lines }
}
