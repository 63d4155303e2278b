import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { recordWorkflows } from '../figures/figures.ts'
import { PROJECT } from '../support/services.ts'
import { type Verdict, verdictOf } from './compare.ts'
import { BACKENDS, type Backend } from './fleet.ts'
import { KnownOutcomes } from './known-outcomes.ts'
import { draw, Measure, sameSeed } from './measure.ts'
import { DIRECTIONS, type Direction, type Measured } from './outcome.ts'
import { shown } from './shape.ts'

const HELP = `npm run test:random-workflows -- [--seed N] [--count N] [--direction D] [--backend B]

Random chains, groups and chords, with retries, replaced tasks, failures, callbacks, errbacks, stamps and empty parts:
each is run by Python alone, and once more in a direction (who calls, who runs) and on a backend drawn from its seed.
Its result, its callbacks and errbacks, and the states of its tasks are compared.
  --seed N        the first seed (default 1)
  --count N       how many (default 2000)
  --direction D   ${DIRECTIONS.join(', ')} (default: drawn)
  --backend B     ${BACKENDS.join(', ')} (default: drawn)
  --at-once N     workflows that run at a time (default 16)
  --timeout S     seconds a workflow may take (default 60)
  --python-again  runs all with Python alone once more; what came of them is kept from run to run
  --record        writes the figures to test/figures/figures.json

The exit code is 1 where one never ended, or differs in a way that docs/interop.md does not list.`

const HOME = process.env.SERVICES_HOME ?? join(PROJECT, '.services')
const KNOWN = join(HOME, 'random-workflows', 'outcomes-of-python.json')

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '2000' },
    direction: { type: 'string' },
    backend: { type: 'string' },
    'at-once': { type: 'string', default: '16' },
    timeout: { type: 'string', default: '60' },
    'python-again': { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

if (values.help) console.log(HELP)
else process.exitCode = await main()

async function main(): Promise<number> {
  const first = Number(values.seed)
  const count = Number(values.count)
  const backends = BACKENDS.filter((name) => [undefined, name].includes(values.backend as Backend))
  const known = new KnownOutcomes(KNOWN)
  if (values['python-again']) known.clear()
  const measure = await Measure.open(backends, Number(values.timeout), known)
  console.log(`seeds ${first} to ${first + count - 1}`)
  const verdicts: Verdict[] = []
  const seeds = Array.from({ length: count }, (_, at) => first + at)
  const given = {
    ...(values.direction === undefined ? {} : { direction: values.direction as Direction }),
    ...(values.backend === undefined ? {} : { backend: values.backend as Backend }),
  }
  const work = async (): Promise<void> => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      const measured = await measure.run(draw(seed, given))
      const verdict = verdictOf(measured)
      verdicts.push(verdict)
      tell(measured, verdict)
    }
  }
  await Promise.all(Array.from({ length: Number(values['at-once']) }, work))
  await measure.close()
  return summary(verdicts, first)
}

function tell(measured: Measured, verdict: Verdict): void {
  if (verdict.kind === 'same') return
  const lines = [`${verdict.kind}: ${sameSeed(measured)}: ${shown(measured.shape)}`]
  if (verdict.kind === 'listed') lines.push(...verdict.why)
  if (verdict.kind === 'different') lines.push(...verdict.what)
  if (verdict.kind === 'unfinished')
    lines.push(`with Python alone: ${JSON.stringify(measured.expected.map(({ end }) => end))}`)
  console.log(lines.join('\n    '))
}

function summary(verdicts: readonly Verdict[], firstSeed: number): number {
  const of = (kind: Verdict['kind']): number => verdicts.filter((one) => one.kind === kind).length
  const [same, listed, unfinished] = [of('same'), of('listed'), of('unfinished')]
  const different = of('different')
  const count = verdicts.length
  console.log(
    `${count} workflows: ${same} as with Python alone, ${listed} as listed, ${different} different, ${unfinished} unfinished`,
  )
  if (values.record) recordWorkflows({ firstSeed, count, same, listed, unfinished })
  return different + unfinished === 0 ? 0 : 1
}
