import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { measure, verdicts } from '../measure.ts'
import { celeryScenario } from './celery.ts'
import { groupsScenario } from './groups.ts'

const HELP = `npm run bench:sqs -- [celery] [groups] [--runs N]

On a server that stands for Amazon SQS (fauxqs), each contender in turn, N times (default 3):
  celery  tasks a second, ours beside Celery 5.7, each with its own producer and worker, from
          the first publish to the last delete
  groups  messages a second of a FIFO queue behind a proxy that adds 20 ms a call: a thousand
          groups beside one, with one delete after the other`

const SCENARIOS = { celery: celeryScenario, groups: groupsScenario } as const

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '3' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

if (values.help) console.log(HELP)
else await main()

async function main(): Promise<void> {
  const unknown = positionals.filter((name) => !Object.hasOwn(SCENARIOS, name))
  if (unknown.length > 0) {
    const known = Object.keys(SCENARIOS).join(', ')
    console.error(`no scenario ${unknown.join(', ')}; there are: ${known}`)
    process.exitCode = 2
    return
  }
  for (const [name, open] of Object.entries(SCENARIOS)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue
    const scenario = await open()
    try {
      const rows = await measure(scenario, Number(values.runs), (contender, rate) => {
        console.error(`  ${scenario.name}: ${contender} ${rate.toFixed(1)}/s`)
      })
      console.log(`\n${scenario.name} (load of the machine ${loadavg()[0]?.toFixed(1)})`)
      for (const { contender, perSecond, ratio } of rows) {
        console.log(`  ${contender.padEnd(32)} ${perSecond.toFixed(1)}/s  ${ratio.toFixed(2)} ×`)
      }
      for (const verdict of verdicts(scenario, rows)) console.log(`  ${verdict}`)
    } finally {
      await scenario.close()
    }
  }
}
