// npm run test:faults -- --seeds N --minutes M [--first SEED]: the long form of test/faults/harness.live.test.ts; with
// --soak that of test/faults/soak.live.test.ts.
import { parseArgs } from 'node:util'
import { bin, ensureBuilt, ensureInstalled, requireNode, run } from './project.mjs'
import { servicesEnv } from './services-env.mjs'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    minutes: { type: 'string' },
    first: { type: 'string' },
    soak: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
})
if (values.help) {
  console.log(`Usage: npm run test:faults -- [--seeds N] [--minutes M] [--first SEED]
       npm run test:faults -- --soak [--minutes M] [--first SEED]

Producers and workers of both languages and a monitor, under faults of processes, networks, RabbitMQ, PostgreSQL and Redis that a
seed decides: N runs (3) of M minutes each (2). npm test has ten seconds of it.
Prints a line for each seed, and those of all seeds once more at the end. --first repeats a run that printed its seed.
--soak lets the processes of our own live through the faults of one seed for M minutes (30): prints what each takes in every
minute (memory, heap, file descriptors, timers, listeners), and fails where one of these has grown.`)
  process.exit(0)
}
requireNode()
await ensureInstalled()
await ensureBuilt()
const env = {
  ...servicesEnv(),
  ...process.env,
  FAULTS_SEEDS: values.seeds,
  FAULTS_MINUTES: values.minutes ?? (values.soak ? '30' : '2'),
  ...(values.first && { FAULTS_FIRST_SEED: values.first }),
}
const { code } = await run(
  bin('vitest'),
  values.soak
    ? ['run', '--project', 'long', 'test/faults/soak.live.test.ts']
    : ['run', '--project', 'alone', 'test/faults/harness.live.test.ts'],
  { env },
)
process.exitCode = code
