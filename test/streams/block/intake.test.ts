import { expect, onTestFinished, test, vi } from 'vitest'
import { deferred } from '../../../src/async/deferred.ts'
import { silentLogger } from '../../../src/logger.ts'
import { Intake } from '../../../src/streams/block/intake.ts'
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
  const intake = new Intake({
    block: 'b',
    listener,
    log: silentLogger,
    limit: 1,
    admit: () => undefined,
  })
  const running = intake.run()
  intake.stop()
  await vi.advanceTimersByTimeAsync(5_000)
  await running
  gate.resolve()
  await vi.advanceTimersByTimeAsync(0)
  expect(closed).toBe(1)
})
