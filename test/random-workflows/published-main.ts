import { parseArgs } from 'node:util'
import { BACKENDS, type Backend } from './fleet.ts'
import { draw, Measure } from './measure.ts'
import { type FieldDifference, publishedDifferences, Tap } from './published.ts'
import { shown } from './shape.ts'

const HELP = `npm run test:published-messages -- [--seed N] [--count N] [--backend B]

Runs random workflows twice, by Python alone and by our side alone, and compares the messages that both publish, field by
field: ids, times, and the name of the language aside. Differences are counted by field, each with an example.
  --seed N       the first seed (default 1)
  --count N      how many (default 300)
  --backend B    ${BACKENDS.join(' or ')} (default redis)
  --at-once N    workflows that run at a time (default 8)`

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '300' },
    backend: { type: 'string', default: 'redis' },
    'at-once': { type: 'string', default: '8' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

if (values.help) console.log(HELP)
else await main()

async function main(): Promise<void> {
  const backend = BACKENDS.find((name) => name === values.backend) ?? 'redis'
  const measure = await Measure.open([backend], 60)
  const taps = { python: new Tap(), mixed: new Tap() }
  for (const { python, mixed } of measure.fleets.values()) {
    await Promise.all([taps.python.open(python), taps.mixed.open(mixed)])
  }
  const counted = new Map<string, Counted>()
  const first = Number(values.seed)
  const seeds = Array.from({ length: Number(values.count) }, (_, at) => first + at)
  const work = async (): Promise<void> => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      for (const difference of await differencesOf(measure, taps, seed, backend)) {
        count(counted, difference, seed)
      }
    }
  }
  await Promise.all(Array.from({ length: Number(values['at-once']) }, work))
  await measure.close()
  report(counted)
}

async function differencesOf(
  measure: Measure,
  taps: { readonly python: Tap; readonly mixed: Tap },
  seed: number,
  backend: Backend,
): Promise<readonly FieldDifference[]> {
  const { expected, actual } = await measure.run(draw(seed, { direction: 'node→node', backend }))
  return publishedDifferences(taps.python.of(expected[0]?.run ?? ''), taps.mixed.of(actual.run))
}

interface Counted {
  times: number
  readonly seed: number
  readonly example: FieldDifference
}

/** One line for each field, wherever in lists it stands. */
function count(counted: Map<string, Counted>, difference: FieldDifference, seed: number): void {
  const field = difference.path.replace(/\.\d+(?=\.|$)/g, '[]')
  const known = counted.get(field)
  if (known === undefined) counted.set(field, { times: 1, seed, example: difference })
  else known.times += 1
}

function report(counted: ReadonlyMap<string, Counted>): void {
  const byTimes = [...counted].sort(([, one], [, other]) => other.times - one.times)
  for (const [field, { times, seed, example }] of byTimes) {
    const { message, path, python, node } = example
    console.log(`${times} × ${field}\n    seed ${seed}, ${shown(draw(seed).shape)}`)
    console.log(
      `    ${message}: ${path}: Python ${python.slice(0, 200)}, ours ${node.slice(0, 200)}`,
    )
  }
  console.log(`${values.count} workflows: ${byTimes.length} fields differ`)
}
