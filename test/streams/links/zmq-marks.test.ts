import { afterEach, expect, test, vi } from 'vitest'
import { silentLogger } from '../../../src/logger.ts'
import { zmq } from '../../../src/streams/index.ts'
import type { ZmqWriteOptions } from '../../../src/streams/links/zmq/options.ts'

const { marks } = vi.hoisted(() => ({ marks: [] as number[] }))
const [SMALL, LARGE] = [Buffer.alloc(1_000), Buffer.alloc(100_000)]

// Loaded with the first socket.
vi.mock('zeromq', () => ({ Push: MarkedPush }))

afterEach(() => void marks.splice(0))

test('a PUSH that connects holds four frames, and 64 once 256 in a row were small', async () => {
  const send = await opened()
  await send([...Array(255).fill(SMALL), LARGE, ...Array(255).fill(SMALL)])
  expect(marks).toEqual([4])
  await send([SMALL])
  expect(marks).toEqual([4, 64])
})

test('several frames of one message count together', async () => {
  const send = await opened()
  await send(Array(300).fill({ frames: Array(20).fill(SMALL) }))
  expect(marks).toEqual([4])
})

test.each<[string, ZmqWriteOptions, number]>([
  ['that binds has several peers, and its mark stays 64', { bind: true }, 64],
  ['keeps the highWaterMark it is given', { highWaterMark: 7 }, 7],
])('a PUSH %s', async (_, options, mark) => {
  const send = await opened(options)
  await send(Array(300).fill(SMALL))
  expect(marks).toEqual([mark])
})

async function opened(options?: ZmqWriteOptions) {
  const sink = await zmq
    .push('tcp://127.0.0.1:1', options)
    .open({ block: 'b', log: silentLogger, signal: new AbortController().signal })
  return async (messages: readonly unknown[]) => {
    for (const message of messages) await sink.publish(message, { headers: {}, key: undefined })
  }
}

/** Takes every frame, and notes its high-water marks. */
class MarkedPush {
  closed = false
  readonly events = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) }

  constructor({ sendHighWaterMark }: { readonly sendHighWaterMark: number }) {
    marks.push(sendHighWaterMark)
  }

  set sendHighWaterMark(mark: number) {
    marks.push(mark)
  }

  connect(): void {
    this.closed = false
  }

  async bind(): Promise<void> {
    this.closed = false
  }

  async send(): Promise<void> {
    await Promise.resolve()
  }
}
