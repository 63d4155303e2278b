// npm run test:faults -- --seeds N --minutes M [--first SEED]: the long form of test/faults/harness.live.test.ts.
import { parseArgs } from 'node:util'
import { bin, ensureBuilt, ensureInstalled, requireNode, run } from './project.mjs'
import { servicesEnv } from './services-env.mjs'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    minutes: { type: 'string', default: '2' },
    first: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
})
if (values.help) {
  console.log(`Usage: npm run test:faults -- [--seeds N] [--minutes M] [--first SEED]

Producers and workers of both languages and a monitor, under faults of processes, networks, RabbitMQ, PostgreSQL and Redis that a
seed decides: N runs (3) of M minutes each (2). npm test has ten seconds of it.
--first repeats a run that printed its seed.`)
  process.exit(0)
}
requireNode()
await ensureInstalled()
await ensureBuilt()
const env = {
  ...servicesEnv(),
  ...process.env,
  FAULTS_SEEDS: values.seeds,
  FAULTS_MINUTES: values.minutes,
  ...(values.first && { FAULTS_FIRST_SEED: values.first }),
}
const { code } = await run(
  bin('vitest'),
  ['run', '--project', 'alone', 'test/faults/harness.live.test.ts'],
  { env },
)
process.exitCode = code
