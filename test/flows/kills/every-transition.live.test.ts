import { expect, test } from 'vitest'
import { migratedDatabase } from '../../support/postgres.ts'
import { folder, problemsOf, runKilled, type VictimOptions } from './kills.ts'

/** 1 kills at every step; a larger number at each so-many-th, for a shorter run. */
const EVERY = Number(process.env.FLOW_KILLS_EVERY ?? 1)
const AT_ONCE = 2

test.each([
  ['PostgreSQL', { isFailing: true }],
  ['PostgreSQL', { kind: 'parallel' }],
  ['files', { isFailing: true, kind: 'parallel' }],
  ['files', {}],
] as const)(
  'on %s (%o) a process may be killed before and after each transition, and in each call',
  {
    timeout: 3_600_000,
  },
  async (where, options) => {
    const store = where === 'files' ? { folder: await folder() } : { url: await migratedDatabase() }
    const victim: VictimOptions = { ...options, store }
    const whole = await runKilled(victim, [])
    const problems: string[] = []
    let step = 1 - EVERY
    const kill = async (): Promise<void> => {
      while (step + EVERY <= whole.steps) {
        step += EVERY
        const at = step
        const killed = await runKilled(victim, [at])
        problems.push(...problemsOf(killed, whole, victim).map((problem) => `at ${at}: ${problem}`))
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, kill))
    expect(problems).toEqual([])
  },
)
