import { test } from 'vitest'
import { expectLargeChordEnds } from './large-chord.ts'

test('a chord of 500 members that Python publishes ends, with results in Redis', async () => {
  await expectLargeChordEnds({ backend: 'Redis', size: 500, timeoutMs: 50_000 })
})

test('a chord that Python publishes for celery.chord_unlock ends, with results in PostgreSQL', async () => {
  await expectLargeChordEnds({ backend: 'PostgreSQL', size: 20, timeoutMs: 50_000 })
})
