import { cpus, release } from 'node:os'
import { parseArgs } from 'node:util'
import { chainScenario, chordScenario, groupScenario } from './canvas.ts'
import { consumeScenario, resultsScenario } from './consume.ts'
import { flowsScenario, storedFlowsScenario } from './flows.ts'
import { boardScenario } from './flows-board.ts'
import { withFsync } from './fsync.ts'
import { ingestScenario } from './ingest.ts'
import { ingestCopyScenario } from './ingest-copy.ts'
import { latencyScenario } from './latency.ts'
import { measure, type Row, type Scenario, verdicts } from './measure.ts'
import { memoryScenario } from './memory.ts'
import { pruneScenario } from './prune.ts'
import { publishScenario } from './publish.ts'
import { measureQueries, queryLines } from './queries.ts'
import { recipesScenario } from './recipes.ts'
import { streamsScenario } from './streams/streams.ts'

const SCENARIOS: Readonly<Record<string, (count: number) => Promise<Scenario>>> = {
  publish: publishScenario,
  consume: consumeScenario,
  results: resultsScenario,
  ingest: ingestScenario,
  copy: ingestCopyScenario,
  prune: pruneScenario,
  memory: memoryScenario,
  chain: chainScenario,
  group: groupScenario,
  chord: chordScenario,
  latency: latencyScenario,
  flows: flowsScenario,
  'flows-stored': storedFlowsScenario,
  'flows-board': boardScenario,
  streams: streamsScenario,
  recipes: recipesScenario,
}

/** Has no peer: it asks what the documentation asks. */
const QUERIES = 'queries'
/** Enough for the 95th of 100 to mean something. */
const ROUNDS = 40
const NAMES = [...Object.keys(SCENARIOS), QUERIES]

/** These two are of a million rows, for which they have to be asked. */
const USUAL = NAMES.filter((name) => name !== 'prune' && name !== 'memory')

const HELP = `npm run bench -- [NAME…] [--count N] [--runs N] [--json]

Measures side by side with peers, in one run: ${NAMES.join(', ')} (default: all
but prune and memory, which want --count 1000000).
  --count N   messages of one run (default 20000; Python and one-by-one peers get fewer,
              workflows have sizes of their own)
  --tasks N   tasks in the database that ${QUERIES} asks (default 1000000); the exit code is 1
              where a question takes longer than 100 ms, 5 times of 100
  --runs N    runs of each, after a warm-up; the median counts (default 3)
  --json      rows as JSON

Machines are noisy: read the ratios, not the rates.`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '20000' },
    runs: { type: 'string', default: '3' },
    tasks: { type: 'string', default: '1000000' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

if (values.help) console.log(HELP)
else await withFsync(() => run(positionals.length === 0 ? USUAL : positionals))

async function run(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => !NAMES.includes(name))
  if (unknown.length > 0) {
    console.error(`no scenario ${unknown.join(', ')}; there are: ${NAMES.join(', ')}`)
    process.exitCode = 2
    return
  }
  console.error(`Node ${process.version}, Linux ${release()}, ${cpus().length} cores`)
  const all: Row[] = []
  for (const name of names) {
    const scenario = await SCENARIOS[name]?.(Number(values.count))
    if (scenario === undefined) continue
    try {
      const rows = await measure(scenario, Number(values.runs), (contender, rate) => {
        console.error(`  ${scenario.name}: ${contender} ${Math.round(rate)}/s`)
      })
      all.push(...rows)
      if (!values.json) report(scenario, rows)
    } finally {
      await scenario.close()
    }
  }
  const answers = names.includes(QUERIES) ? await ask() : []
  if (values.json) console.log(JSON.stringify([...all, ...answers], null, 2))
}

async function ask(): ReturnType<typeof measureQueries> {
  const answers = await measureQueries(Number(values.tasks), ROUNDS)
  if (answers.some(({ isQuick }) => !isQuick)) process.exitCode = 1
  if (!values.json) {
    console.log(`\n${QUERIES} (of ${values.tasks} tasks, each over a fresh connection)`)
    for (const line of queryLines(answers)) console.log(line)
  }
  return answers
}

function report(scenario: Scenario, rows: readonly Row[]): void {
  console.log(`\n${scenario.name} (ratio to ${scenario.baseline})`)
  for (const row of rows) {
    const rate = String(Math.round(row.perSecond)).padStart(8)
    const range = `${Math.round(row.lowest)}–${Math.round(row.highest)}`.padStart(16)
    console.log(`  ${row.contender.padEnd(32)} ${rate}/s ${range}  ${row.ratio.toFixed(2)} ×`)
  }
  for (const verdict of verdicts(scenario, rows)) console.log(`  ${verdict}`)
  for (const note of scenario.notes?.() ?? []) console.log(`  ${note}`)
}
