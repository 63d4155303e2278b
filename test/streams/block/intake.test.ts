import { expect, onTestFinished, test, vi } from 'vitest'
import { deferred } from '../../../src/async/deferred.ts'
import { silentLogger } from '../../../src/logger.ts'
import { Intake } from '../../../src/streams/block/intake.ts'
import { Block, operator, Received } from '../../../src/streams/index.ts'
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

test('a connection stays open until what failed last is with the dead letters', async () => {
  const gate = deferred()
  const failed = deferred()
  const steps: string[] = []
  const settlement = {
    ack: () => undefined,
    giveBack: () => undefined,
    reject: async () => {
      failed.resolve()
      await gate.promise
      steps.push('kept')
    },
  }
  const listener = new LinkListener('link', async (inlet) => {
    inlet.defer(() => void steps.push('closed'))
    inlet.ready()
    await inlet.put(new Received({ value: 1, settlement }))
  })
  const refuse = operator(() => {
    throw new Error('no ones')
  })
  const block = new Block('b', refuse, { listeners: [listener], logger: silentLogger })
  const running = block.run()
  await failed.promise
  await new Promise((resolve) => setImmediate(resolve))
  gate.resolve()
  await running
  expect(steps).toEqual(['kept', 'closed'])
})
