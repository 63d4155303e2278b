import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import * as driver from 'zeromq'
import { silentLogger } from '../../../src/logger.ts'
import { Block, json, operator, text, withHeaders, zmq } from '../../../src/streams/index.ts'
import { freePort } from '../../support/free-port.ts'
import { waitFor } from '../../support/wait-for.ts'
import { Collector } from '../support/parts.ts'

const same = operator((message: unknown) => message)

test('PUSH → block → PULL carries single frames as Buffers, and PUSH waits for its peer', async () => {
  const [source, target] = [await address(), await address()]
  const out = new Collector<Buffer>()
  const middle = new Block('middle', same, {
    listeners: [zmq.pull(source, { bind: true })],
    publishers: [zmq.push(target)],
  })
  await middle.start()
  const push = new driver.Push({ linger: 0 })
  push.connect(source)
  for (const word of ['one', 'two', 'three']) await push.send(word)
  const end = new Block('end', same, {
    listeners: [zmq.pull(target, { bind: true })],
    publishers: [out],
  })
  await end.start()
  await waitFor('three frames', () => out.messages.length === 3)
  await Promise.all([middle.stop(), end.stop()])
  push.close()
  expect(out.messages.map(String)).toEqual(['one', 'two', 'three'])
})

test('topics filter, and travel as a frame of their own', async () => {
  const at = await address()
  const out = new Collector()
  const topics: unknown[] = []
  const end = new Block(
    'end',
    operator((message, { topic }) => {
      topics.push(topic)
      return message
    }),
    {
      listeners: [zmq.subscribe(at, { topic: 'peaks', codec: text() })],
      publishers: [out],
    },
  )
  await end.start()
  const publisher = await zmq
    .publish(at, { bind: true, codec: text(), topic: (word: string) => word.split(' ')[0] ?? '' })
    .open({ block: 'b', log: silentLogger, signal: new AbortController().signal })
  const context = { headers: {}, key: undefined }
  await waitFor('the subscription', async () => {
    await publisher.publish('noise 1', context)
    await publisher.publish('peaks 1', context)
    return out.messages.length > 0
  })
  await end.stop()
  await publisher.close?.()
  expect(new Set(out.messages)).toEqual(new Set(['peaks 1']))
  expect(new Set(topics)).toEqual(new Set(['peaks']))
})

test('several frames are { frames } to raw(), and unreadable to other codecs', async () => {
  const [first, second] = [await address(), await address()]
  const out = new Collector<{ frames: Buffer[] }>()
  const errors: string[] = []
  const parts = {
    publishers: [out],
    logger: silentLogger,
    observer: { onFailed: (e: Error) => void errors.push(e.message) },
  }
  const asRaw = new Block('raw', same, { ...parts, listeners: [zmq.pull(first, { bind: true })] })
  const asJson = new Block('json', same, {
    ...parts,
    listeners: [zmq.pull(second, { bind: true, codec: json() })],
  })
  await Promise.all([asRaw.start(), asJson.start()])
  for (const at of [first, second]) {
    const push = new driver.Push()
    push.connect(at)
    await push.send(['a', 'b'])
    push.close()
  }
  await waitFor('both', () => out.messages.length === 1 && errors.length === 1)
  await Promise.all([asRaw.stop(), asJson.stop()])
  expect(out.messages[0]?.frames.map(String)).toEqual(['a', 'b'])
  expect(errors[0]).toMatch(/json reads one frame, found 2.*begin 6162/)
})

test('PAIR links two blocks, with headers where both sides want them', async () => {
  const at = await address()
  const out = new Collector()
  const options = { codec: json(), headers: true }
  const end = new Block('end', same, {
    listeners: [zmq.pairIn(at, { ...options, bind: true })],
    publishers: [out],
  })
  await end.start()
  const start = new Block(
    'start',
    operator((n) => withHeaders(n, { run: 'r1' })),
    {
      listeners: [[1, 2]],
      publishers: [zmq.pairOut(at, options)],
    },
  )
  await start.run()
  await waitFor('both messages', () => out.messages.length === 2)
  await end.stop()
  expect(out.messages).toEqual([1, 2])
  expect(out.headers).toEqual([{ run: 'r1' }, { run: 'r1' }])
})

test('CURVE lets in clients whose key is allowed, and no other', async () => {
  const at = await address()
  const [server, friend, stranger] = [
    driver.curveKeyPair(),
    driver.curveKeyPair(),
    driver.curveKeyPair(),
  ]
  const out = new Collector<Buffer>()
  const { said, logger } = listeningLogger()
  const end = new Block('end', same, {
    listeners: [
      zmq.pull(at, {
        bind: true,
        curve: { secretKey: server.secretKey, allow: [friend.publicKey] },
      }),
    ],
    publishers: [out],
    logger,
  })
  await end.start()
  const send = (name: string, keys: { publicKey: string; secretKey: string }) =>
    new Block(name, same, {
      listeners: [[name]],
      publishers: [zmq.push(at, { curve: { ...keys, serverKey: server.publicKey } })],
      logger: silentLogger,
    })
  const refused = send('stranger', stranger)
  await refused.start()
  await waitFor('the refusal', () => said.some((line) => line.startsWith('peer refused')))
  await send('friend', friend).run()
  await waitFor('the friend', () => out.messages.length > 0)
  await refused.stop({ graceMs: 0 })
  await end.stop()
  expect(out.messages.map(String)).toEqual(['friend'])
})

test('an address that is taken or malformed is named', async () => {
  const at = await address()
  const first = new Block('first', same, { listeners: [zmq.pull(at, { bind: true })] })
  await first.start()
  const second = new Block('second', same, {
    listeners: [zmq.pull(at, { bind: true })],
    logger: silentLogger,
  })
  await expect(second.start()).rejects.toThrow(`zmq cannot bind ${at}`)
  await first.stop()
  expect(() => zmq.pull('127.0.0.1:5555')).toThrow(/the address is "127.0.0.1:5555", expected tcp:/)
  expect(() => zmq.pull(at, { curve: { secretKey: 'short' } })).toThrow(
    /curve.secretKey must be a Z85 key/,
  )
})

test('a block with sockets is started and stopped 100 times without leaving any', async () => {
  const [source, target] = [await address(), await address()]
  const block = new Block('again', same, {
    listeners: [zmq.subscribe(source)],
    publishers: [zmq.publish(target, { bind: true })],
  })
  const handles = () => process.getActiveResourcesInfo().length
  await block.start()
  await block.stop()
  const before = handles()
  for (let round = 0; round < 100; round += 1) {
    await block.start()
    await block.stop()
  }
  await waitFor('the sockets to be closed', () => handles() <= before + 2)
})

async function address(): Promise<string> {
  return `tcp://127.0.0.1:${await freePort()}`
}

test('a burst that was sent before the stop is worked on to its end', async () => {
  const at = await address()
  const out = new Collector<Buffer>()
  const slow = operator(async (message: unknown) => {
    await sleep(1)
    return message
  })
  const block = new Block('burst', slow, {
    listeners: [zmq.pull(at, { bind: true })],
    publishers: [out],
  })
  await block.start()
  const push = new driver.Push({ sendHighWaterMark: 10_000 })
  push.connect(at)
  for (let n = 0; n < 400; n += 1) await push.send(String(n))
  await waitFor('the first', () => out.messages.length > 0)
  await block.stop()
  push.close()
  expect(out.messages.map(Number)).toEqual(Array.from({ length: 400 }, (_, n) => n))
})

test('a peer that is refused, or goes in the middle of a message, is in the log', async () => {
  const at = await address()
  const keys = driver.curveKeyPair()
  const { said, logger } = listeningLogger()
  const out = new Collector<Buffer>()
  const listen = (name: string, address: string, options: object) =>
    new Block(name, same, {
      listeners: [zmq.pull(address, { bind: true, ...options })],
      publishers: [out],
      logger,
    })
  const secured = listen('secured', at, { curve: { secretKey: keys.secretKey } })
  await secured.start()
  const stranger = new driver.Push({ linger: 0 })
  stranger.connect(at)
  await stranger.send('not for strangers')
  await waitFor('the refusal', () => said.some((line) => line.startsWith('peer refused')))
  stranger.close()
  await secured.stop()
  said.length = 0
  const open = await address()
  const plain = listen('plain', open, {})
  await plain.start()
  const socket = connect(Number(open.split(':').at(-1)), '127.0.0.1')
  socket.resume()
  socket.write(GREETING)
  await waitFor('the greeting back', () => socket.bytesRead > 64)
  socket.end(FIRST_OF_TWO)
  await waitFor('its end', () => said.some((line) => line.startsWith('peer disconnected')))
  await plain.stop()
  expect(out.messages).toEqual([])
})

/** Keeps the lines of a log. */
function listeningLogger() {
  const said: string[] = []
  const log = (...args: unknown[]) => void said.push(String(args.at(-1)))
  const logger = { ...silentLogger, info: log, warn: log, child: () => logger } as never
  return { said, logger }
}

/** ZMTP 3.1: a greeting, and READY as a PUSH. */
const GREETING = Buffer.concat([
  Buffer.from('ff00000000000000017f', 'hex'),
  Buffer.from([3, 1]),
  Buffer.concat([Buffer.from('NULL'), Buffer.alloc(16)]),
  Buffer.alloc(32),
  Buffer.from([4, 26, 5]),
  Buffer.from('READY'),
  Buffer.from([11]),
  Buffer.from('Socket-Type'),
  Buffer.from([0, 0, 0, 4]),
  Buffer.from('PUSH'),
])
const FIRST_OF_TWO = Buffer.from('\x01\x05first')
