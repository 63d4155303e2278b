import { constants, PerformanceObserver } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { Pull, Push } from 'zeromq'
import { type Deferred, deferred } from '../../../src/async/deferred.ts'
import { silentLogger } from '../../../src/logger.ts'
import { Block, operator, zmq } from '../../../src/streams/index.ts'
import { freePort } from '../../support/free-port.ts'

const LARGE = Buffer.alloc(1_000_000)

test('while 500 frames of 1 MB pass, V8 marks its heap a few times, not every 32 frames', async () => {
  const address = `tcp://127.0.0.1:${await freePort()}`
  let passed: Deferred<void> = deferred()
  const block = new Block(
    'frames',
    operator((frame: Buffer) => frame.byteLength),
    {
      listeners: [zmq.pull(address, { bind: true })],
      publishers: [{ publish: () => passed.resolve() }],
    },
  )
  await block.start()
  const push = new Push({ linger: 0 })
  onTestFinished(async () => {
    push.close()
    await block.stop()
  })
  push.connect(address)
  const markings = countMarkings()
  for (let sent = 0; sent < 500; sent += 1) {
    passed = deferred()
    await push.send(LARGE)
    await passed.promise
  }
  await nextTurn()
  expect(markings()).toBeLessThan(8)
})

test('frames of all sizes reach a PULL that now and then takes none, in their order', async () => {
  const address = `tcp://127.0.0.1:${await freePort()}`
  const pull = new Pull({ receiveHighWaterMark: 1 })
  await pull.bind(address)
  const stop = new AbortController()
  const sink = await zmq.push(address).open({ block: 'b', log: silentLogger, signal: stop.signal })
  onTestFinished(() => {
    stop.abort()
    pull.close()
  })
  const frames = [...Array(2_000).keys()].map(frameOf)
  const sending = (async () => {
    for (const frame of frames) await sink.publish(frame, { headers: {}, key: undefined })
  })()
  for (const [at, frame] of frames.entries()) {
    if (at % 97 === 0) for (let turn = 0; turn < 50; turn += 1) await nextTurn()
    const [received] = await pull.receive()
    expect(received?.compare(frame), `frame ${at}`).toBe(0)
  }
  await sending
})

/** Large ones, many small ones, then both. */
function frameOf(at: number): Buffer {
  const isLarge = at < 20 || (at > 1_000 && at % 50 === 0)
  const frame = Buffer.alloc(isLarge ? 200_000 : 100)
  frame.writeUInt32BE(at)
  return frame
}

/** How often V8 has marked its whole heap since. */
function countMarkings(): () => number {
  let count = 0
  const observer = new PerformanceObserver((list) => {
    for (const { detail } of list.getEntries() as { detail?: { kind?: number } }[]) {
      if (detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR) count += 1
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  onTestFinished(() => observer.disconnect())
  return () => count
}
