import { afterAll, expect, test } from 'vitest'
import { CLEAN, type Findings, runFaults } from './harness/run.ts'

/** `npm run test:faults -- --seeds N --minutes M` is the long form. */
const RUNS = Number(process.env.FAULTS_SEEDS ?? 1)
const MINUTES = Number(process.env.FAULTS_MINUTES ?? 0.15)
const FIRST = Number(process.env.FAULTS_FIRST_SEED ?? Date.now() % 1_000_000)

const figures: string[] = []

test.each(Array.from({ length: RUNS }, (_, run) => FIRST + run))(
  'nothing accepted is lost, left, unrecorded or held open after the faults of seed %d',
  async (seed) => {
    const startedAt = performance.now()
    const figure = (text: string) => {
      const line = `faults: seed ${seed}: ${text} (${Math.round((performance.now() - startedAt) / 1_000)} s)`
      figures.push(line)
      console.log(line)
    }
    const findings = await runFaults({ seed, minutes: MINUTES }).catch((error: unknown) => {
      figure(`ended with ${error}`)
      throw error
    })
    figure(figuresOf(findings))
    const { accepted, repeats: _, struck: __, ...found } = findings
    expect(found).toEqual(CLEAN)
    expect(accepted).toBeGreaterThan(0)
  },
  MINUTES * 60_000 + 900_000,
)

/** The lines of all seeds once more, where there were many. */
afterAll(() => {
  if (RUNS > 1) console.log(figures.join('\n'))
})

function figuresOf({ accepted, repeats, struck, ...found }: Findings): string {
  const wrong = Object.entries(found).filter(([, list]) => Object.keys(list).length > 0)
  const verdict =
    wrong.length === 0 ? 'clean' : `FAILED ${JSON.stringify(Object.fromEntries(wrong))}`
  const names = struck.map(({ name }) => name).join(', ')
  return `${verdict}; ${accepted} accepted, ${repeats} repeats, ${struck.length} faults: ${names}`
}
