import { expect, test } from 'vitest'
import { silentLogger } from '../../../src/logger.ts'
import { amqp, Block, kafka, operator, redis, zmq } from '../../../src/streams/index.ts'
import type { ListenerLike } from '../../../src/streams/parts/listener.ts'
import type { PublisherLike } from '../../../src/streams/parts/publisher.ts'
import { freePort } from '../../support/free-port.ts'
import { muteServer } from '../../support/mute-server.ts'
import { waitFor } from '../../support/wait-for.ts'

interface Parts {
  readonly listeners?: readonly ListenerLike[]
  readonly publishers?: readonly PublisherLike[]
}

/** Far less than any of them waits for a server, and more than a busy machine takes. */
const SOON_MS = 3_000

const LINKS: Readonly<Record<string, (port: number) => Parts>> = {
  'amqp consume': (port) => ({ listeners: [amqp.consume(`amqp://127.0.0.1:${port}`, 'in')] }),
  'amqp publish': (port) => ({ publishers: [amqp.publish(`amqp://127.0.0.1:${port}`, 'out')] }),
  'amqp consume over TLS': (port) => ({
    listeners: [amqp.consume(`amqps://127.0.0.1:${port}`, 'in')],
  }),
  'redis subscribe': (port) => ({
    listeners: [redis.subscribe(`redis://127.0.0.1:${port}`, 'in')],
  }),
  'redis publish': (port) => ({ publishers: [redis.publish(`redis://127.0.0.1:${port}`, 'out')] }),
  'redis readStream': (port) => ({
    listeners: [redis.readStream(`redis://127.0.0.1:${port}`, 'in')],
  }),
  'redis addStream': (port) => ({
    publishers: [redis.addStream(`redis://127.0.0.1:${port}`, 'o')],
  }),
  'kafka consume': (port) => ({ listeners: [kafka.consume(`127.0.0.1:${port}`, 'in')] }),
  'kafka publish': (port) => ({
    listeners: [['one']],
    publishers: [kafka.publish(`127.0.0.1:${port}`, 'out')],
  }),
  'zmq PULL': (port) => ({ listeners: [zmq.pull(`tcp://127.0.0.1:${port}`)] }),
  'zmq SUB': (port) => ({ listeners: [zmq.subscribe(`tcp://127.0.0.1:${port}`)] }),
  'zmq PUSH': (port) => ({
    listeners: [['one']],
    publishers: [zmq.push(`tcp://127.0.0.1:${port}`)],
  }),
}

const EACH = Object.entries(LINKS).map(([link, parts]) => ({ link, parts }))

test.each(EACH)(
  'a block that is stopped while $link connects to a server that never answers ends soon, and lets go of it',
  async ({ parts }) => {
    const server = await muteServer()
    const block = blockOf(parts(server.port))
    const starting = block.start()
    await server.connected
    await expectSoonStopped(block, starting)
    await waitFor('no connection', () => server.open() === 0)
    expect(block.isRunning).toBe(false)
  },
)

test.each(EACH)(
  'a block that is stopped while $link connects to a server that is not there ends soon',
  async ({ parts }) => {
    const block = blockOf(parts(await freePort()))
    // Some fail as soon as they are refused.
    const starting = block.start().catch(() => undefined)
    await Promise.race([starting, attempted()])
    if (block.isRunning) await expectSoonStopped(block, starting)
    expect(block.isRunning).toBe(false)
  },
)

test('a run whose signal is aborted while it connects resolves, and a later one is a new one', async () => {
  const server = await muteServer()
  const block = blockOf({ publishers: [amqp.publish(`amqp://127.0.0.1:${server.port}`, 'out')] })
  const stop = new AbortController()
  const running = block.run({ signal: stop.signal })
  await server.connected
  stop.abort()
  await running
  const starting = block.start()
  await waitFor('a connection', () => server.open() === 1)
  await block.stop()
  await starting
})

function blockOf(parts: Parts): Block {
  return new Block(
    'block',
    operator((message: unknown) => message),
    { ...parts, logger: silentLogger },
  )
}

async function expectSoonStopped(block: Block, starting: Promise<void>): Promise<void> {
  const startedAt = performance.now()
  await block.stop({ graceMs: 100 })
  await starting
  expect(performance.now() - startedAt).toBeLessThan(SOON_MS)
}

/** Long enough for a first attempt to be refused: nothing listens there. */
async function attempted(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 100))
}
