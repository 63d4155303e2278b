import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { openBroker } from '../../src/brokers/open-broker.ts'
import { durableQueue } from '../../src/protocol/routing/topology.ts'
import { needed, openPlace } from '../environment.ts'
import { median } from '../measure.ts'

const HELP = `npm run bench:commands -- [--rounds N]

Start to end of Zocalo's commands, Python's and ours in turn, each in a process of its own: CPU time and time, on one virtual host
that has the queue and the exchange they send to, with one site file. The medians of the rounds' ratios count.
  --rounds N  how often each runs, after a warm-up (default 9)

The exit code is 1 where a ratio is above the goal, 0.5.`

const GOAL = 0.5
const COMMANDS = {
  go: ['-r', 'example', '-t', 'PikaTransport', '1234'],
  shutdown: ['-t', 'PikaTransport', '-s', 'NoSuchService'],
} as const
type Command = keyof typeof COMMANDS
const OURS = resolve(import.meta.dirname, '../../dist/src/cli/zocalo/bin')
const MILLISECONDS = 1_000

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

if (values.help) console.log(HELP)
else process.exitCode = await main(Number(values.rounds))

interface Cost {
  readonly time: number
  readonly cpu: number
}

async function main(rounds: number): Promise<number> {
  const place = await openPlace()
  const folder = await mkdtemp(join(tmpdir(), 'bench-commands-'))
  try {
    await declareExpected(place.amqpUrl)
    const site = join(folder, 'site.yml')
    await writeFile(site, siteFile(new URL(place.amqpUrl)))
    const empty = await medianCost(
      rounds,
      async () => await costOf([process.execPath, '-e', '0'], site),
    )
    console.log(`node -e 0: CPU ${ms(empty.cpu)}, time ${ms(empty.time)}`)
    let worst = 0
    for (const command of ['go', 'shutdown'] as const) {
      worst = Math.max(worst, await compare(command, rounds, site))
    }
    return worst > GOAL ? 1 : 0
  } finally {
    await rm(folder, { recursive: true })
    await place.close()
  }
}

/** The greater one of the ratios of CPU time and of time. */
async function compare(command: Command, rounds: number, site: string): Promise<number> {
  const python = async (): Promise<Cost> =>
    await costOf(
      [join(dirname(needed('PYTHON_ZOCALO')), `zocalo.${command}`), ...COMMANDS[command]],
      site,
    )
  const ours = async (): Promise<Cost> =>
    await costOf([process.execPath, join(OURS, `${command}.cjs`), ...COMMANDS[command]], site)
  const pairs: { readonly python: Cost; readonly ours: Cost }[] = []
  await python()
  await ours()
  for (let round = 0; round < rounds; round += 1)
    pairs.push({ python: await python(), ours: await ours() })
  const ratio = (of: keyof Cost): number =>
    median(pairs.map((pair) => pair.ours[of] / pair.python[of]))
  const middle = (side: 'python' | 'ours', of: keyof Cost): string =>
    ms(median(pairs.map((pair) => pair[side][of])))
  for (const [of, name] of [
    ['cpu', 'CPU'],
    ['time', 'time'],
  ] as const) {
    const verdict = ratio(of) <= GOAL ? 'met' : 'MISSED'
    console.log(
      `${command}: ${name} ${ratio(of).toFixed(2)} × of Python's (${middle('ours', of)} to ${middle('python', of)}), goal ${GOAL} (${verdict})`,
    )
  }
  return Math.max(ratio('cpu'), ratio('time'))
}

async function medianCost(rounds: number, cost: () => Promise<Cost>): Promise<Cost> {
  const costs: Cost[] = []
  for (let round = 0; round < rounds; round += 1) costs.push(await cost())
  return { cpu: median(costs.map(({ cpu }) => cpu)), time: median(costs.map(({ time }) => time)) }
}

/** Seconds, told by bash: Node does not say what a child has used. */
async function costOf(args: readonly string[], site: string): Promise<Cost> {
  const script = 'TIMEFORMAT="%3R %3U %3S"; time "$@" >/dev/null'
  const { stderr } = await promisify(execFile)('bash', ['-c', script, 'time', ...args], {
    env: { ...process.env, ZOCALO_CONFIG: site, LC_ALL: 'C' },
  })
  const [time = Number.NaN, user = Number.NaN, system = Number.NaN] = stderr
    .trim()
    .split(/\s+/)
    .slice(-3)
    .map(Number)
  return { time, cpu: user + system }
}

/** What a Zocalo's broker has: without it, a send of either side fails or is lost. */
async function declareExpected(url: string): Promise<void> {
  await using broker = openBroker({ url })
  await broker.declare({
    exchanges: [
      { name: 'command', type: 'fanout', durable: true, autoDelete: false, arguments: {} },
    ],
    queues: [durableQueue('processing_recipe')],
    bindings: [],
  })
}

function siteFile(url: URL): string {
  return `version: 1
environments:
  default: [rabbit]
rabbit:
  plugin: pika
  host: ${url.hostname}
  port: ${url.port || 5672}
  username: ${decodeURIComponent(url.username) || 'guest'}
  password: ${decodeURIComponent(url.password) || 'guest'}
  vhost: ${decodeURIComponent(url.pathname.slice(1))}
`
}

function ms(seconds: number): string {
  return `${Math.round(seconds * MILLISECONDS)} ms`
}
