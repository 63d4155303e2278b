import { afterAll, beforeAll, expect, test } from 'vitest'
import { draw } from './measure.ts'
import type { FieldDifference } from './published.ts'
import { isListed } from './published-listed.ts'
import { PublishedMeasure } from './published-measure.ts'
import { shown } from './shape.ts'

const SEEDS = Array.from({ length: 24 }, (_, at) => at + 1)
const AT_ONCE = 8

let measure: PublishedMeasure | undefined
const found = new Map<number, readonly FieldDifference[] | undefined>()

beforeAll(async () => {
  measure = await PublishedMeasure.open('redis')
  const opened = measure
  const seeds = [...SEEDS]
  const work = async (): Promise<void> => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      found.set(seed, await opened.differencesOf(seed))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}, 300_000)

afterAll(async () => {
  await measure?.close()
})

test.each(SEEDS.map((seed) => [seed, shown(draw(seed).shape)] as const))(
  'the messages of random workflow %i are, field by field, those that Python publishes: %s',
  (seed) => {
    expect(found.has(seed)).toBe(true)
    const differences = found.get(seed) ?? []
    expect(differences.filter((difference) => !isListed(difference))).toEqual([])
  },
)

test('most of them end as with Python, so that their messages are compared', () => {
  const compared = [...found.values()].filter((differences) => differences !== undefined)
  expect(compared.length).toBeGreaterThan(SEEDS.length / 2)
})
