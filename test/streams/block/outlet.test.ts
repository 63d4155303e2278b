import { expect, test } from 'vitest'
import { silentLogger } from '../../../src/logger.ts'
import { Outlet } from '../../../src/streams/block/outlet.ts'
import { blockSettings } from '../../../src/streams/block/settings.ts'
import type { Sink } from '../../../src/streams/parts/publisher.ts'

/** A sink whose first message makes it offer the next ones, as where blocks lead in a circle. */
function circle(steps: string[], publish: (value: unknown) => unknown): Outlet {
  const sink: Sink = {
    publish(value) {
      steps.push(`begin ${value}`)
      if (value === 1) for (const next of [2, 3]) offer(outlet, next)
      const sent = publish(value)
      steps.push(`end ${value}`)
      return sent
    },
  }
  const outlet = openOutlet(sink)
  return outlet
}

test('a result that a publisher offers while it publishes another one goes after it', async () => {
  const steps: string[] = []
  const outlet = circle(steps, () => undefined)
  offer(outlet, 1)
  await outlet.drained()
  expect(steps).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2', 'begin 3', 'end 3'])
})

test('a publisher has one message under way at a time, also where it offers results itself', async () => {
  const steps: string[] = []
  let [underWay, most] = [0, 0]
  const outlet = circle(steps, async () => {
    underWay += 1
    most = Math.max(most, underWay)
    await Promise.resolve()
    underWay -= 1
  })
  offer(outlet, 1)
  await outlet.drained()
  expect(steps).toHaveLength(6)
  expect(most).toBe(1)
})

function offer(outlet: Outlet, value: number): void {
  expect(
    outlet.offer({ value, headers: {}, key: undefined, entry: undefined, size: 0 }),
  ).toBeUndefined()
}

function openOutlet(sink: Sink): Outlet {
  return new Outlet({
    name: 'circle',
    block: 'b',
    sink,
    settings: blockSettings('b', {}),
    log: silentLogger,
    signal: new AbortController().signal,
    onPublished: () => undefined,
    onDrop: () => undefined,
    onFatal: () => undefined,
  })
}
