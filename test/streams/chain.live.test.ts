import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { Push } from 'zeromq'
import { freePort } from '../support/free-port.ts'
import { type Process, startCli } from '../support/processes.ts'
import { freshVhost } from '../support/rabbitmq.ts'
import { service } from '../support/services.ts'
import { waitFor } from '../support/wait-for.ts'

/** `npm run test:streams` sends 10,000. */
const FRAMES = Number(process.env.STREAM_FRAMES ?? 2_000)

test('numbered frames pass ZeroMQ, RabbitMQ and Redis streams over three processes, in order, once', async () => {
  const chain = await startChain()
  await chain.send(0, FRAMES)
  await chain.arrived()
  expect(await chain.numbers()).toEqual(Array.from({ length: FRAMES }, (_, n) => n))
  await chain.stop()
})

test('kill -9 of the process in the middle loses no frame, and those that come twice are counted', async () => {
  const chain = await startChain()
  const sending = chain.send(0, FRAMES)
  await waitFor('a part of them', async () => (await chain.numbers()).length > FRAMES / 10)
  await chain.killMiddle()
  await sending
  await chain.arrived()
  const numbers = await chain.numbers()
  const first = [...new Set(numbers)]
  expect([...first].sort((one, other) => one - other)).toEqual(
    Array.from({ length: FRAMES }, (_, n) => n),
  )
  // What the killed process had published and not acknowledged is published again, and is counted as repeated.
  expect((await chain.stop()).repeated).toBeGreaterThanOrEqual(numbers.length - FRAMES)
})

async function startChain() {
  const [vhost, key, port] = [await freshVhost(), randomUUID(), await freePort()]
  const redis = new Redis(service('REDIS_URL'))
  const push = new Push({ sendHighWaterMark: 100 })
  onTestFinished(() => {
    push.close()
    redis.disconnect()
  })
  const middlePart = `{ class: amqp, kwargs: { url: '${vhost.url}', queue: frames, codec: text } }`
  const stream = (name: string, more = ''): string =>
    `{ class: redis, kwargs: { url: '${service('REDIS_URL')}', stream: '${key}-${name}', codec: text${more} } }`
  const zeromq = `{ class: zmq, kwargs: { address: 'tcp://127.0.0.1:${port}', socket_type: PULL, bind: true, codec: text } }`
  const start = async (name: string, from: string, to: string): Promise<Process> =>
    await startBlock(name, { from, to })
  const startMiddle = (): Promise<Process> => start('middle', middlePart, stream('middle'))
  const last = await start('last', stream('middle', ', group: last'), stream('end'))
  let middle = await startMiddle()
  const first = await start('first', zeromq, middlePart)
  push.connect(`tcp://127.0.0.1:${port}`)
  const numbers = async (): Promise<number[]> =>
    (await redis.xrange(`${key}-end`, '-', '+')).map(([, fields]) => Number(fields[1]))
  return {
    numbers,
    killMiddle: async () => {
      await middle.stop('SIGKILL')
      middle = await startMiddle()
    },
    send: async (from: number, to: number) => {
      for (let n = from; n < to; n += 1) await push.send(String(n))
    },
    arrived: () =>
      waitFor(
        'all frames',
        async () =>
          (await redis.xlen(`${key}-end`)) >= FRAMES &&
          (await isSettled(redis, key)) &&
          new Set(await numbers()).size === FRAMES,
        { deadlineMs: 45_000 },
      ),
    stop: async () => {
      for (const each of [first, middle, last]) {
        expect(await each.stop('SIGTERM')).toMatchObject({ code: 0 })
      }
      await redis.del(`${key}-middle`, `${key}-end`)
      const ended = middle.output.split('\n').find((line) => line.includes('"block ended"'))
      return JSON.parse(ended ?? '') as { readonly repeated: number }
    },
  }
}

/** The last process has acknowledged all it took. */
async function isSettled(redis: Redis, key: string): Promise<boolean> {
  const [waiting] = (await redis.xpending(`${key}-middle`, 'last')) as [number]
  return waiting === 0
}

async function startBlock(
  name: string,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<Process> {
  const folder = await mkdtemp(join(tmpdir(), 'chain-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = join(folder, 'blocks.yml')
  await writeFile(join(folder, 'same.mjs'), 'export const same = (frame) => frame\n')
  await writeFile(
    file,
    `blocks: [{ name: ${name}, operator: { class: './same.mjs#same' }, listeners: [${from}], publishers: [${to}] }]\n`,
  )
  const started = startCli(['stream', 'run', file, '-v'])
  await started.waitForLine(/running/)
  return started
}
