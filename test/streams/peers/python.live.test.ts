import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  amqp,
  Block,
  Event,
  type ListenerLike,
  msgpack,
  NumericArray,
  operator,
  type PublisherLike,
  redis,
  zmq,
} from '../../../src/streams/index.ts'
import { startProcess } from '../../support/processes.ts'
import { freshVhost } from '../../support/rabbitmq.ts'
import { hasService, PROJECT, service } from '../../support/services.ts'
import { waitFor } from '../../support/wait-for.ts'
import { Collector } from '../support/parts.ts'

const PYTHON = join(PROJECT, 'test/support/python')
const codec = msgpack()
const same = operator((message: unknown) => message)

/** Doubles each image, in the type and the byte order it came in. */
const double = operator((message: unknown) => {
  if (!(message instanceof Event)) return message
  const { image } = message.payload as { image: { array: NumericArray } }
  const { data, dtype, shape } = image.array
  const doubled = (data as Float64Array).map((value) => value * 2)
  const array = new NumericArray({ data: doubled, dtype, shape })
  return Event.from({ ...message, image: { array } })
})

/** What Python's ends print of their run when its frames were doubled. */
const DOUBLED = [
  { msg_type: 'start', run_name: 'r-1', width: 3, height: 2 },
  {
    msg_type: 'event',
    frame_number: 0,
    image: [
      [0, 2, 4],
      [6, 8, 10],
    ],
  },
  {
    msg_type: 'event',
    frame_number: 1,
    image: [
      [0, 2, 4],
      [6, 8, 10],
    ],
  },
  { msg_type: 'event', frame_number: 2, image: [0, 0.5, 1, 1.5, 2] },
  { msg_type: 'stop', num_frames: 3 },
]

interface Ends {
  readonly url: string
  readonly from: string
  readonly to: string
}

type Links = (ends: Ends) => readonly [ListenerLike, PublisherLike]

const ZMQ: Readonly<Record<string, Links>> = {
  push: ({ from, to }) => [zmq.pull(from, { codec }), zmq.push(to, { codec })],
  pub: ({ from, to }) => [zmq.subscribe(from, { codec }), zmq.publish(to, { codec })],
  pair: ({ from, to }) => [zmq.pairIn(from, { codec }), zmq.pairOut(to, { codec })],
}

const REDIS: Readonly<Record<string, Links>> = {
  channel: ({ url, from, to }) => [
    redis.subscribe(url, from, { codec }),
    redis.publish(url, to, { codec }),
  ],
  stream: ({ url, from, to }) => [
    redis.readStream(url, from, { group: 'g', codec }),
    redis.addStream(url, to, { codec }),
  ],
}

describe.skipIf(!hasService('PYTHON_ARROYO'))('with Python on the other side', () => {
  test.each(Object.entries(ZMQ))('pyzmq sends a run and hears it, over %s', async (kind, links) => {
    expect(await throughBlock(`zmq-${kind}`, links, ipcEnds())).toEqual(DOUBLED)
  })

  test.each(Object.entries(REDIS))(
    'redis-py sends a run and hears it, over a %s',
    async (kind, links) => {
      const ends = { url: service('REDIS_URL'), from: randomUUID(), to: randomUUID() }
      expect(await throughBlock(`redis-${kind}`, links, ends)).toEqual(DOUBLED)
    },
  )

  test('pika sends a run and hears it, over queues', async () => {
    const { url } = await freshVhost()
    const links: Links = ({ from, to }) => [
      amqp.consume(url, from, { codec }),
      amqp.publish(url, to, { codec }),
    ]
    expect(await throughBlock('amqp', links, { url, from: 'in', to: 'out' })).toEqual(DOUBLED)
  })

  test('frames pass a block of arroyopy over ZeroMQ byte for byte', async () => {
    const { from, to } = ipcEnds()
    expect(
      await throughArroyo(['zmq', from, to], zmq.push(from), zmq.pull(to, { bind: true })),
    ).toEqual(FRAMES)
  })

  test('messages pass a block of arroyopy over Redis byte for byte', async () => {
    const [url, from, to] = [service('REDIS_URL'), randomUUID(), randomUUID()]
    const [into, out] = [redis.publish(url, from), redis.subscribe(url, to)]
    expect(await throughArroyo(['redis', url, from, to], into, out)).toEqual(FRAMES)
  })
})

/** A block of ours between two ends in Python; what they print. */
async function throughBlock(link: string, links: Links, ends: Ends): Promise<unknown[]> {
  const [listener, publisher] = links(ends)
  const block = new Block('double', double, { listeners: [listener], publishers: [publisher] })
  const starting = block.start()
  onTestFinished(() => (block.isRunning ? block.stop({ graceMs: 0 }) : undefined))
  await starting
  const script = join(PYTHON, 'stream_ends.py')
  const python = startProcess(service('PYTHON_ARROYO'), [
    script,
    link,
    ends.url,
    ends.from,
    ends.to,
  ])
  expect(await python.exited).toMatchObject({ code: 0 })
  await block.stop()
  return python.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

/** Every byte, short and long frames. */
const FRAMES = [0, 1, 255, 256, 70_000].map((size) =>
  Buffer.from(Array.from({ length: size }, (_, index) => index % 256)),
)

/** A block of arroyopy between two of ours. */
async function throughArroyo(
  args: readonly string[],
  into: PublisherLike,
  out: ListenerLike,
): Promise<Buffer[]> {
  const heard = new Collector<Buffer>()
  const end = new Block('end', same, { listeners: [out], publishers: [heard] })
  await end.start()
  const python = startProcess(service('PYTHON_ARROYO'), [join(PYTHON, 'arroyo_block.py'), ...args])
  await python.waitForLine(/ready/)
  await new Block('start', same, { listeners: [FRAMES], publishers: [into] }).run()
  await waitFor('all frames', () => heard.messages.length >= FRAMES.length)
  await end.stop()
  return heard.messages
}

function ipcEnds(): Ends {
  const address = (): string => `ipc://${join(tmpdir(), `peer-${randomUUID()}`)}`
  return { url: '', from: address(), to: address() }
}
