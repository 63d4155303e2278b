import { EventEmitter } from 'node:events'
import type { ChannelModel } from 'amqplib'
import { expect, onTestFinished, test } from 'vitest'
import { deferred } from '../../../src/async/deferred.ts'
import { AmqpConnection } from '../../../src/brokers/amqp/connecting/connection.ts'
import { silentLogger } from '../../../src/logger.ts'

test('a server that has taken a connection, which is still being set up, is at work', async () => {
  const model = modelOf()
  const opening = deferred<void>()
  const setUp = deferred<void>()
  const connection = connectionTo(model, () => {
    opening.resolve()
    return setUp.promise
  })
  expect(await connection.isServerAtWork()).toBe(false)
  const ready = connection.ready(1_000)
  await opening.promise
  expect(await connection.isServerAtWork()).toBe(true)
  model.emit('blocked', 'low on memory')
  expect(await connection.isServerAtWork()).toBe(false)
  setUp.resolve()
  await ready
})

function connectionTo(model: ChannelModel, onOpen: () => Promise<void>): AmqpConnection {
  const connection = new AmqpConnection({
    safeUrl: 'amqp://here',
    log: silentLogger,
    connect: async () => model,
    onOpen,
    onLost: () => undefined,
    onRestored: () => undefined,
  })
  onTestFinished(() => connection.close())
  return connection
}

function modelOf(): ChannelModel {
  const model = Object.assign(new EventEmitter(), { close: async () => undefined })
  return model as unknown as ChannelModel // what a connection uses of it
}
