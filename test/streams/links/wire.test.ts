import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { deferred } from '../../../src/async/deferred.ts'
import { Block, operator, redis, zmq } from '../../../src/streams/index.ts'
import { freePort } from '../../support/free-port.ts'
import { waitFor } from '../../support/wait-for.ts'
import { Collector } from '../support/parts.ts'

interface ZmqVector {
  readonly publisher_to_listener_hex: string
  readonly listener_to_publisher_hex: string
  readonly process_calls_hex: readonly string[]
}

interface RedisVector {
  readonly channel: string
  readonly listener_sent_hex: readonly string[]
  readonly listener_received_hex: readonly string[]
  readonly publisher_sent_hex: readonly string[]
  readonly process_calls_hex: readonly string[]
}

const same = operator((message: unknown) => message)

const RUNS = [
  ['zmq-pub-sub-text', zmq.publish],
  ['zmq-pub-sub-msgpack-run', zmq.publish],
  ['zmq-push-pull-long', zmq.push],
] as const

test.each(RUNS)(
  '%s: what a publisher sends over TCP is what was recorded',
  async (file, publish) => {
    const vector = recorded<ZmqVector>(file)
    const port = await freePort()
    const hears = deferred()
    const block = new Block('send', same, {
      listeners: [messagesOnce(hears.promise, vector.process_calls_hex)],
      publishers: [publish(`tcp://127.0.0.1:${port}`, { bind: true })],
    })
    await block.start()
    const sent = talkTo(port, Buffer.from(vector.listener_to_publisher_hex, 'hex'))
    // The peer has greeted, and has asked for all messages; ZeroMQ does not tell when it has understood that.
    await waitFor('the greeting', () => sent().length > 64)
    await new Promise((resolve) => setTimeout(resolve, 100))
    hears.resolve()
    await waitFor('all bytes', () => sent().length * 2 >= vector.publisher_to_listener_hex.length)
    expect(sent().toString('hex')).toBe(vector.publisher_to_listener_hex)
    await block.stop()
  },
)

const HEARD = [
  ['zmq-pub-sub-text', zmq.subscribe],
  ['zmq-pub-sub-msgpack-run', zmq.subscribe],
  ['zmq-push-pull-long', zmq.pull],
] as const

test.each(HEARD)(
  '%s: a listener says what was recorded, and hears each message',
  async (file, listen) => {
    const vector = recorded<ZmqVector>(file)
    let said = (): Buffer => Buffer.alloc(0)
    const port = await serve((socket) => {
      said = converse(socket, Buffer.from(vector.publisher_to_listener_hex, 'hex'))
    })
    const out = new Collector<Buffer>()
    const listeners = [listen(`tcp://127.0.0.1:${port}`)]
    const block = new Block('hear', same, { listeners, publishers: [out] })
    await block.start()
    await waitFor('all messages', () => out.messages.length === vector.process_calls_hex.length)
    expect(out.messages.map((bytes) => bytes.toString('hex'))).toEqual(vector.process_calls_hex)
    expect(said().toString('hex')).toBe(vector.listener_to_publisher_hex)
    await block.stop()
  },
)

test('redis: a publisher sends the recorded arguments', async () => {
  const { resp2: vector } = recorded<{ resp2: RedisVector }>('redis-text')
  const { url, commands } = await serveRedis(() => ':1\r\n')
  await new Block('send', same, {
    listeners: [vector.process_calls_hex.map((hex) => Buffer.from(hex, 'hex'))],
    publishers: [redis.publish(url, vector.channel)],
  }).run()
  expect(of(commands, 'PUBLISH')).toEqual(argumentsOf(vector.publisher_sent_hex))
})

test('redis: a listener subscribes with the recorded arguments, and hears exact bytes', async () => {
  const { resp2: vector } = recorded<{ resp2: RedisVector }>('redis-text')
  const { url, commands } = await serveRedis(() =>
    Buffer.from(vector.listener_received_hex.join(''), 'hex'),
  )
  const out = new Collector<Buffer>()
  const block = new Block('hear', same, {
    listeners: [redis.subscribe(url, vector.channel)],
    publishers: [out],
  })
  await block.start()
  await waitFor('both messages', () => out.messages.length === 2)
  await block.stop()
  expect(of(commands, 'SUBSCRIBE')).toEqual(argumentsOf(vector.listener_sent_hex))
  expect(out.messages.map((bytes) => bytes.toString('hex'))).toEqual(vector.process_calls_hex)
})

function recorded<Vector>(name: string): Vector {
  const file = join(import.meta.dirname, '../../fixtures/streams', `${name}.json`)
  return JSON.parse(readFileSync(file, 'utf8'))
}

async function* messagesOnce(ready: Promise<void>, hex: readonly string[]): AsyncGenerator<Buffer> {
  await ready
  for (const each of hex) yield Buffer.from(each, 'hex')
}

/** Says what was recorded of the peer; answers all that came back by now. */
function talkTo(port: number, says: Buffer): () => Buffer {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  return converse(socket, says)
}

const GREETING = 64

/** As a peer does: the greeting first, then READY, and all else once the other side is ready, too. */
function converse(socket: Socket, says: Buffer): () => Buffer {
  const heard: Buffer[] = []
  const readyEnds = GREETING + 2 + (says[GREETING + 1] ?? 0)
  const parts = [
    { after: GREETING, bytes: says.subarray(GREETING, readyEnds) },
    { after: GREETING + 1, bytes: says.subarray(readyEnds) },
  ]
  socket.write(says.subarray(0, GREETING))
  socket.on('data', (bytes) => {
    heard.push(bytes)
    const { length } = Buffer.concat(heard)
    while (parts[0] !== undefined && length >= parts[0].after)
      socket.write(parts.shift()?.bytes ?? '')
  })
  return () => Buffer.concat(heard)
}

async function serve(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined) // the other side may end as it likes
    onSocket(socket)
  })
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return await listening(server)
}

/** A server that writes down commands: it greets clients, and answers those that are recorded with `answer`. */
async function serveRedis(answer: () => string | Buffer) {
  const commands: string[][] = []
  const port = await serve((socket) => {
    socket.on('data', (bytes) => {
      const heard = commandsIn(bytes)
      commands.push(...heard)
      for (const [name = ''] of heard)
        socket.write(RECORDED.has(name) ? answer() : greetingOf(name))
    })
  })
  return { url: `redis://127.0.0.1:${port}`, commands }
}

function greetingOf(name: string): string {
  return name === 'INFO' ? '$15\r\nredis_version:7\r\n' : '+OK\r\n'
}

const RECORDED: ReadonlySet<string> = new Set(['PUBLISH', 'SUBSCRIBE'])

/** Each as its name and its arguments in hex; clients write the name in capitals or not. */
function commandsIn(bytes: Buffer): string[][] {
  const commands: string[][] = []
  for (const text of bytes.toString('latin1').split(/(?=\*\d+\r\n)/)) {
    const [name = '', ...rest] = [...text.matchAll(/\$\d+\r\n([^\r]*)\r\n/g)].map(
      ([, word]) => word,
    )
    const hex = rest.map((word) => Buffer.from(word ?? '', 'latin1').toString('hex'))
    commands.push([name.toUpperCase(), ...hex])
  }
  return commands
}

function argumentsOf(hex: readonly string[]): string[][] {
  return hex.flatMap((each) => commandsIn(Buffer.from(each, 'hex')))
}

function of(commands: readonly string[][], name: string): string[][] {
  return commands.filter(([each]) => each === name)
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}
