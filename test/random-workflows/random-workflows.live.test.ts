import { afterAll, beforeAll, expect, test } from 'vitest'
import { verdictOf } from './compare.ts'
import { BACKENDS } from './fleet.ts'
import { draw, Measure, sameSeed } from './measure.ts'
import type { Measured } from './outcome.ts'
import { shown } from './shape.ts'

const SEEDS = Array.from({ length: 24 }, (_, at) => at + 1)
const SECONDS = 40
const AT_ONCE = 8

let measure: Measure | undefined
const measured = new Map<number, Measured>()

beforeAll(async () => {
  measure = await Measure.open(BACKENDS, SECONDS)
  const opened = measure
  const seeds = [...SEEDS]
  const work = async (): Promise<void> => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      measured.set(seed, await opened.run(draw(seed)))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}, 300_000)

afterAll(async () => {
  await measure?.close()
})

test.each(SEEDS.map((seed) => [sameSeed(draw(seed)), shown(draw(seed).shape), seed] as const))(
  'a random workflow ends as with Python alone: %s: %s',
  (_drawn, _shape, seed) => {
    const one = measured.get(seed)
    expect(one).toBeDefined()
    if (one === undefined) return
    const verdict = verdictOf(one)
    expect(verdict.kind === 'different' ? verdict.what : verdict.kind).toMatch(/^(same|listed)$/)
  },
)
