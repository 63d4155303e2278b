import { expect } from 'vitest'
import type { NodeCase } from './node-place.ts'

/** The rows of the matrix that are about time: Node calls, Python runs. */
export function timeCases() {
  return {
    eta: async ({ call }) => {
      const before = Date.now() / 1_000
      expect(await call('python.now', [], {}, { countdown: 1 })).toBeGreaterThanOrEqual(before + 1)
      const eta = new Date(Date.now() + 1_200)
      expect(await call('python.now', [], {}, { eta })).toBeGreaterThanOrEqual(
        eta.getTime() / 1_000,
      )
    },
    expires: async ({ call, failure }) => {
      // The header alone: with the property beside it the broker would drop the message by itself.
      const headers = { expires: new Date(Date.now() - 5_000).toISOString() }
      expect(await failure('python.add', [1, 1], {}, { headers })).toMatchObject({
        excType: 'TaskRevokedError',
        excArgs: ['expired'],
        state: 'REVOKED',
      })
      expect(await call('python.add', [1, 2], {}, { expires: 60 })).toBe(3)
    },
    soft_limit: async ({ call }) => {
      expect(await call('python.soft', [], {}, { softTimeLimit: 0.5 })).toBe('stopped softly')
    },
    hard_limit: async ({ failure }) => {
      expect(await failure('python.sleep', [30], {}, { timeLimit: 1 })).toMatchObject({
        excType: 'TimeLimitExceeded',
        excArgs: [1],
      })
    },
    rate_limit: async ({ call }) => {
      const times = await Promise.all([1, 2, 3, 4, 5].map(async () => call('python.limited')))
      const inOrder = (times as number[]).toSorted((one, other) => one - other)
      // Two a second: five of them take two, less what the first may be late.
      expect((inOrder.at(-1) ?? 0) - (inOrder[0] ?? 0)).toBeGreaterThan(0.5)
    },
  } satisfies Readonly<Record<string, NodeCase>>
}
