import { expect, test } from 'vitest'
import { migratedDatabase } from '../../support/postgres.ts'
import { folder, problemsOf, runKilled, type VictimOptions } from './kills.ts'

/** Every transition by `npm run test:flow-kills`. */
test.each([
  ['PostgreSQL', { isFailing: true }],
  ['files', { kind: 'parallel' }],
] as const)(
  'a flow on %s, killed again and again, comes to the same end, and no call is repeated but those under way',
  {
    timeout: 120_000,
  },
  async (where, options) => {
    const store = where === 'files' ? { folder: await folder() } : { url: await migratedDatabase() }
    const victim: VictimOptions = { ...options, store }
    const whole = await runKilled(victim, [])
    const killed = await runKilled(victim, [20, 61, 84, 47])
    expect(problemsOf(killed, whole, victim)).toEqual([])
    expect(killed.kills).toBeGreaterThan(2)
  },
)
