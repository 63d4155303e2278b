import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { amqp, Block, files, memory, operator, redis, zmq } from '../../../src/streams/index.ts'
import { freshVhost } from '../../support/rabbitmq.ts'
import { service } from '../../support/services.ts'
import { waitFor } from '../../support/wait-for.ts'

/** `npm run test:streams` does it 100 times. */
const ROUNDS = Number(process.env.STREAM_ROUNDS ?? 15)

test('a block with every kind of link starts and stops again and again, and leaves no socket, timer or listener', async () => {
  const [{ url }, redisUrl] = [await freshVhost(), service('REDIS_URL')]
  const folder = await mkdtemp(join(tmpdir(), 'again-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const name = randomUUID()
  const address = `ipc://${join(tmpdir(), name)}`
  const warnings: string[] = []
  const onWarning = ({ name: kind }: Error): void => void warnings.push(kind)
  process.on('warning', onWarning)
  onTestFinished(() => void process.off('warning', onWarning))
  const block = new Block(
    'again',
    operator((message: unknown) => message),
    {
      listeners: [
        amqp.consume(url, 'in'),
        redis.subscribe(redisUrl, `${name}-in`),
        redis.readStream(redisUrl, `${name}-in`),
        files.watch(folder),
        memory.subscribe(name),
        zmq.pull(address, { bind: true }),
        zmq.subscribe(`${address}-2`),
      ],
      publishers: [
        amqp.publish(url, 'out'),
        redis.publish(redisUrl, `${name}-out`),
        redis.addStream(redisUrl, `${name}-out`),
        zmq.push(`${address}-3`),
        zmq.publish(`${address}-4`, { bind: true }),
      ],
    },
  )
  const once = async (): Promise<void> => {
    await block.start()
    await block.stop()
  }
  const listeners = (): number =>
    ['SIGTERM', 'SIGINT', 'exit', 'beforeExit', 'uncaughtException']
      .map((event) => process.listenerCount(event))
      .reduce((sum, count) => sum + count)
  await once()
  await sleep(500)
  const [resources, listening] = [process.getActiveResourcesInfo().length, listeners()]
  for (let round = 0; round < ROUNDS; round += 1) await once()
  await waitFor('all to be let go', () => process.getActiveResourcesInfo().length <= resources + 2)
  expect(listeners()).toBe(listening)
  expect(warnings).not.toContain('MaxListenersExceededWarning')
})
