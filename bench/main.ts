import { cpus, release } from 'node:os'
import { parseArgs } from 'node:util'
import { chainScenario, chordScenario, groupScenario } from './canvas.ts'
import { consumeScenario, resultsScenario } from './consume.ts'
import { ingestScenario } from './ingest.ts'
import { ingestCopyScenario } from './ingest-copy.ts'
import { latencyScenario } from './latency.ts'
import { measure, type Row, type Scenario, verdicts } from './measure.ts'
import { publishScenario } from './publish.ts'

const SCENARIOS: Readonly<Record<string, (count: number) => Promise<Scenario>>> = {
  publish: publishScenario,
  consume: consumeScenario,
  results: resultsScenario,
  ingest: ingestScenario,
  copy: ingestCopyScenario,
  chain: chainScenario,
  group: groupScenario,
  chord: chordScenario,
  latency: latencyScenario,
}

const HELP = `npm run bench -- [NAME…] [--count N] [--runs N] [--json]

Measures side by side with peers, in one run: ${Object.keys(SCENARIOS).join(', ')} (default: all).
  --count N   messages of one run (default 20000; Python and one-by-one peers get fewer,
              workflows have sizes of their own)
  --runs N    runs of each, after a warm-up; the median counts (default 3)
  --json      rows as JSON

Machines are noisy: read the ratios, not the rates.`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '20000' },
    runs: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

if (values.help) console.log(HELP)
else await run(positionals.length === 0 ? Object.keys(SCENARIOS) : positionals)

async function run(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => !(name in SCENARIOS))
  if (unknown.length > 0) {
    console.error(
      `no scenario ${unknown.join(', ')}; there are: ${Object.keys(SCENARIOS).join(', ')}`,
    )
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
  if (values.json) console.log(JSON.stringify(all, null, 2))
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
