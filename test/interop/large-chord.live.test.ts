import { test } from 'vitest'
import { BACKENDS, expectLargeChordEnds } from './large-chord.ts'

test.each(BACKENDS)(
  'a chord of 500 members that Python publishes ends, with results in %s',
  async (backend) => {
    await expectLargeChordEnds({ backend, size: 500, timeoutMs: 50_000 })
  },
)
