import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Config, createApp } from 'celery-toolbox'
import { openPlace } from '../environment.ts'
import { median } from '../measure.ts'
import { idleOf, PoolWorker, SIDES, type Side } from './pool-worker.ts'

const HELP = `npm run bench:pools -- [--runs N] [--tasks N]

Our pools of processes and threads beside Python Celery's prefork, one after the other, N times over (default 3): how long a worker
takes to start, to stop while idle, and to have the next task running after a hard limit of 1 s has killed a loop; what two
processes gain over one with tasks that compute, beside two bare loops of Node; memory and wake-ups while idle.`

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    tasks: { type: 'string', default: '200' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

/** A task computes for about 50 ms, in either language. */
const STEPS: Readonly<Record<Side['language'], number>> = { node: 10_000_000, python: 800_000 }

interface Sample {
  readonly startMs: number
  readonly stopMs: number
  readonly nextAfterKillMs: number
  readonly gain: number
  readonly residentMb: number
  readonly wakeUpsPerSecond: number
}

if (values.help) console.log(HELP)
else await main()

async function main(): Promise<void> {
  const samples = new Map<string, Sample[]>(SIDES.map(({ name }) => [name, []]))
  const bare: number[] = []
  for (let run = 0; run < Number(values.runs); run += 1) {
    bare.push(await gainOfBareLoops())
    console.log(`bare loops of Node: 2 gain ${bare.at(-1)?.toFixed(2)} × over 1`)
    for (const side of SIDES) {
      const sample = await sampleOf(side)
      samples.get(side.name)?.push(sample)
      console.log(side.name, sample)
    }
  }
  console.log(`median of ${values.runs}, load of the machine ${loadavg()[0]?.toFixed(1)}:`)
  console.log(`bare loops of Node: 2 gain ${median(bare).toFixed(2)} × over 1`)
  for (const [name, all] of samples) console.log(name, medians(all))
}

function medians(samples: readonly Sample[]): Readonly<Record<string, number>> {
  const keys = Object.keys(samples[0] ?? {}) as (keyof Sample)[]
  const of = (key: keyof Sample): number => median(samples.map((sample) => sample[key]))
  return Object.fromEntries(keys.map((key) => [key, Number(of(key).toFixed(2))]))
}

async function sampleOf(side: Side): Promise<Sample> {
  const place = await openPlace()
  const folder = mkdtempSync(join(tmpdir(), 'bench-pools-'))
  const config = new Config({
    queues: ['pools'],
    broker_url: place.amqpUrl,
    result_backend: 'rpc://',
    dotenv: false,
    environment: {},
  })
  const app = createApp(config)
  try {
    const started = async (slots: number): Promise<PoolWorker> =>
      PoolWorker.start(side, { slots, amqpUrl: place.amqpUrl, stamps: join(folder, 'stamps') })
    const countMs = async (): Promise<number> => {
      const startedAt = performance.now()
      const calls = Array.from({ length: Number(values.tasks) }, async () =>
        app.sendTask('pools.count', [STEPS[side.language]]),
      )
      for (const result of await Promise.all(calls)) await result.get({ timeoutMs: 300_000 })
      return performance.now() - startedAt
    }
    const one = await started(1)
    const oneMs = await countMs()
    const killed = await app.sendTask('pools.spin')
    const nextAt = await (await app.sendTask<number>('pools.stamp')).get({ timeoutMs: 60_000 })
    await killed.get({ timeoutMs: 60_000 }).catch(() => undefined) // TimeLimitExceeded
    await one.stop()
    const two = await started(2)
    const idle = await idleOf(two)
    const twoMs = await countMs()
    return {
      startMs: two.startMs,
      nextAfterKillMs: nextAt - Number(readFileSync(join(folder, 'stamps'), 'utf8')),
      gain: oneMs / twoMs,
      ...idle,
      stopMs: await two.stop(),
    }
  } finally {
    await app.close()
    await place.close()
    rmSync(folder, { recursive: true })
  }
}

/** As much work in two processes at once as in one after the other. */
async function gainOfBareLoops(): Promise<number> {
  const loop = async (): Promise<number> => {
    const startedAt = performance.now()
    const text = 'let s = 0; for (let n = 0; n < 4e8; n += 1) s = (s * 31 + n) % 1000003'
    const child = spawn(process.execPath, ['-e', text])
    await new Promise((done) => child.once('exit', done))
    return performance.now() - startedAt
  }
  const alone = await loop()
  const beside = Math.max(...(await Promise.all([loop(), loop()])))
  return (2 * alone) / beside
}
