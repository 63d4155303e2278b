import { expect, test, vi } from 'vitest'
import { deferred } from '../../../src/async/deferred.ts'
import { silentLogger } from '../../../src/logger.ts'
import { zmq } from '../../../src/streams/index.ts'
import type { Received } from '../../../src/streams/parts/received.ts'

/** ZeroMQ itself may pause for so long within a burst. */
const PAUSE_MS = 50
const BURST = ['first', 'second', 'third', 'fourth']

// Loaded with the first socket.
vi.mock('zeromq', () => ({ Pull: PausingPull }))

test('what comes after a pause of ZeroMQ is still read at a stop', async () => {
  const stop = new AbortController()
  const read: string[] = []
  await zmq.pull('tcp://127.0.0.1:1').run({
    block: 'b',
    log: silentLogger,
    signal: stop.signal,
    limit: 64,
    put: (message) => void read.push(String((message as Received).value)),
    ready: () => stop.abort(),
    defer: () => undefined,
  })
  expect(read).toEqual(BURST)
})

/** A socket whose messages come one by one, each after a pause, once it is at its stop; no time passes. */
class PausingPull {
  readonly #stopping = deferred()
  readonly #messages = [...BURST]
  #timeoutMs = Number.POSITIVE_INFINITY
  closed = true

  get events(): AsyncIterable<never> {
    return { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) }
  }

  set receiveTimeout(ms: number) {
    this.#timeoutMs = ms
    this.#stopping.resolve()
  }

  connect(): void {
    this.closed = false
  }

  close(): void {
    this.closed = true
  }

  async receive(): Promise<Buffer[]> {
    await this.#stopping.promise
    const message = this.#timeoutMs > PAUSE_MS ? this.#messages.shift() : undefined
    if (message === undefined) throw new Error('EAGAIN')
    return [Buffer.from(message)]
  }
}
