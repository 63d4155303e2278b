import { expect, test } from 'vitest'
import { BoundedQueue, type WhenFull } from '../../../src/streams/block/bounded-queue.ts'

const MIB = 1024 * 1024

test.each<[WhenFull, number]>([
  ['wait', 2],
  ['drop-oldest', 16],
  ['drop-newest', 16],
  ['latest', 16],
])('%s: by default at most %i MiB wait', (whenFull, mib) => {
  const { limitBytes } = new BoundedQueue({ whenFull }, () => undefined)
  expect(limitBytes).toBe(mib * MIB)
})
