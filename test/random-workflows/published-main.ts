import { parseArgs } from 'node:util'
import { BACKENDS } from './fleet.ts'
import { draw } from './measure.ts'
import type { FieldDifference } from './published.ts'
import { fieldOf, isListed } from './published-listed.ts'
import { PublishedMeasure } from './published-measure.ts'
import { shown } from './shape.ts'

const HELP = `npm run test:published-messages -- [--seed N] [--count N] [--backend B]

Runs random workflows twice, by Python alone and by our side alone, and compares the messages that both publish, field by
field: ids, times, and the name of the language aside. Differences are counted by field, each with an example.
  --seed N       the first seed (default 1)
  --count N      how many (default 300)
  --backend B    ${BACKENDS.join(' or ')} (default redis)
  --at-once N    workflows that run at a time (default 8)
  --listed       shows the differences that docs/interop.md lists, too

The exit code is 1 where a field differs in a way that docs/interop.md does not list.`

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '300' },
    backend: { type: 'string', default: 'redis' },
    'at-once': { type: 'string', default: '8' },
    listed: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

if (values.help) console.log(HELP)
else process.exitCode = await main()

async function main(): Promise<number> {
  const backend = BACKENDS.find((name) => name === values.backend) ?? 'redis'
  const measure = await PublishedMeasure.open(backend)
  const unlisted = new Map<string, Counted>()
  const listed = new Map<string, Counted>()
  let compared = 0
  const first = Number(values.seed)
  const count = Number(values.count)
  const seeds = Array.from({ length: count }, (_, at) => first + at)
  const work = async (): Promise<void> => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      const differences = await measure.differencesOf(seed)
      if (differences === undefined) continue
      compared += 1
      for (const one of differences) countIn(isListed(one) ? listed : unlisted, one, seed)
    }
  }
  await Promise.all(Array.from({ length: Number(values['at-once']) }, work))
  await measure.close()
  if (values.listed) show(listed)
  show(unlisted)
  console.log(
    `seeds ${first} to ${first + count - 1}: ${compared} workflows publish the same but for ${listed.size} fields as listed and ${unlisted.size} others; ${count - compared} end in another way, or may, as listed`,
  )
  return unlisted.size === 0 ? 0 : 1
}

interface Counted {
  times: number
  readonly seed: number
  readonly example: FieldDifference
}

function countIn(counted: Map<string, Counted>, difference: FieldDifference, seed: number): void {
  const field = fieldOf(difference)
  const known = counted.get(field)
  if (known === undefined) counted.set(field, { times: 1, seed, example: difference })
  else known.times += 1
}

function show(counted: ReadonlyMap<string, Counted>): void {
  const byTimes = [...counted].sort(([, one], [, other]) => other.times - one.times)
  for (const [field, { times, seed, example }] of byTimes) {
    const { message, path, python, node } = example
    console.log(`${times} × ${field}\n    seed ${seed}, ${shown(draw(seed).shape)}`)
    console.log(
      `    ${message}: ${path}: Python ${python.slice(0, 200)}, ours ${node.slice(0, 200)}`,
    )
  }
}
