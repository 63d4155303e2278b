import { expect, onTestFinished, test, vi } from 'vitest'
import { deferred } from '../../../src/async/deferred.ts'
import { silentLogger } from '../../../src/logger.ts'
import { RunningListener } from '../../../src/streams/block/running-listener.ts'
import { LinkListener } from '../../../src/streams/parts/listener.ts'

test('what a listener opens after its block has ended without it is closed at once', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const gate = deferred()
  let closed = 0
  const listener = new LinkListener('late', async (inlet) => {
    await gate.promise
    inlet.defer(() => {
      closed += 1
    })
  })
  const running = new RunningListener({
    block: 'b',
    listener,
    log: silentLogger,
    limit: 1,
    admit: () => undefined,
  })
  const ended = running.run()
  running.stop()
  await vi.advanceTimersByTimeAsync(5_000)
  await ended
  gate.resolve()
  await vi.advanceTimersByTimeAsync(0)
  expect(closed).toBe(1)
})
