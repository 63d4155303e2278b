import type { Socket } from 'node:net'
import { expect, test, vi } from 'vitest'
import { sleep } from '../../../src/async/sleep.ts'
import {
  addAnswerDeadline,
  setSilence,
} from '../../../src/brokers/amqp/connecting/answer-deadline.ts'

test('a connection that is silent while an answer is due is closed', async () => {
  const { ask, destroy } = calling()
  ask()
  await vi.waitFor(() => expect(destroy).toHaveBeenCalledOnce())
  expect(destroy.mock.calls[0]?.[0].message).toMatch(/no answer in \d+ ms/)
})

test('a connection stays while its server blocks publishers, sends other things or has answered', async () => {
  const blocked = calling({ blocked: true })
  const busy = calling()
  const done = calling()
  for (const { ask } of [blocked, busy, done]) ask()
  done.answer()
  for (let turn = 0; turn < 20; turn += 1) {
    busy.stream.bytesRead += 8
    await sleep(10)
  }
  for (const { destroy } of [blocked, busy, done]) expect(destroy).not.toHaveBeenCalled()
})

function calling({ blocked = false } = {}) {
  const destroy = vi.fn<(cause: Error) => void>()
  const stream = { bytesRead: 0, destroy }
  let answer = (): void => undefined
  const connection = { stream: stream as unknown as Socket, blocked } // the two members that are used
  const channel = {
    connection,
    ch: 1,
    _rpc: (...[, , , done]: [number, object, number, (error: unknown) => void]) => {
      answer = () => done(null)
    },
  }
  setSilence(connection, 60)
  addAnswerDeadline(channel)
  const ask = () => channel._rpc(1, {}, 2, () => undefined)
  return { ask, destroy, stream, answer: () => answer() }
}
