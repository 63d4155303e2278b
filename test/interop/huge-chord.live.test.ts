import { test } from 'vitest'
import { BACKENDS, expectLargeChordEnds } from './large-chord.ts'

const TEN_MINUTES_MS = 600_000

test.each(BACKENDS)(
  'a chord of 100,000 members that Python publishes ends, with results in %s',
  async (backend) => {
    await expectLargeChordEnds({ backend, size: 100_000, timeoutMs: TEN_MINUTES_MS })
  },
  2 * TEN_MINUTES_MS,
)
