import { expect, test } from 'vitest'
import { WorkerClocks } from '../../../src/monitor/events/worker-clocks.ts'
import { readEvents } from '../../../src/protocol/events/decode-events.ts'
import type { CeleryEvent } from '../../../src/protocol/events/events.ts'
import { historyOf } from './history.ts'
import { Random } from './random.ts'

const START_MS = Date.UTC(2026, 0, 5)
/** From a machine that is quick to one that shares its cores with many others. */
const SECONDS = [3, 6, 10, 15, 20, 40, 90]

/** The events of each message, in the order of arrival. */
type Arrivals = readonly (readonly CeleryEvent[])[]

/** The workers whose clocks are corrected by monitors that take turns and record the whole at one pace. */
function corrected(arrivals: Arrivals, monitors: number, seconds: number): string[] {
  const clocks = Array.from({ length: monitors }, () => new WorkerClocks())
  arrivals.forEach((events, at) => {
    const atMs = START_MS + (at / arrivals.length) * seconds * 1000
    for (const event of events) clocks[at % monitors]?.timeOf(event, atMs)
  })
  return clocks.flatMap((each) => each.takeCorrections().map(({ hostname }) => hostname))
}

test('a history shows no clock of a worker as wrong, in order or in any order, at any pace', () => {
  for (const seed of [1, 2, 3]) {
    const { published } = historyOf(500, seed, START_MS - 120_000)
    const inOrder: Arrivals = published.map(({ message }) => readEvents(message).events)
    const shuffled = new Random(seed + 1).repeated(inOrder)
    for (const seconds of SECONDS) {
      expect(corrected(inOrder, 1, seconds)).toEqual([])
      expect(corrected(shuffled, 3, seconds)).toEqual([])
    }
  }
})
