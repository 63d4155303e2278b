import { migrateUp } from 'celery-toolbox/monitor'
import { type BenchPlace, openPlace } from './environment.ts'
import { median, perSecondSince, type Scenario } from './measure.ts'
import { feed } from './mirror-feed.ts'
import { type MonitorProcess, startMonitors, sum } from './monitors.ts'

const WARM_UP = 0.2
const MOST_QUEUED = 20_000

/** Whether a monitor needs more memory the longer it runs; a million messages by default. */
export async function memoryScenario(count: number): Promise<Scenario> {
  const place = await openPlace()
  await migrateUp(place.databaseUrl)
  let note = ''
  return {
    name: 'memory of a monitor',
    baseline: 'one monitor',
    goals: [],
    runsOnce: true,
    contenders: [
      {
        name: 'one monitor',
        run: async () => {
          const startedAt = performance.now()
          const samples = await watched(place, count)
          note = verdict(samples, count)
          return perSecondSince(startedAt, count)
        },
      },
    ],
    notes: () => [note],
    close: place.close,
  }
}

interface Sample {
  readonly messages: number
  readonly rssMib: number
}

async function watched(place: BenchPlace, count: number): Promise<Sample[]> {
  const monitors = await startMonitors(place, 1)
  const samples: Sample[] = []
  const sample = (monitor: MonitorProcess) => {
    if (monitor.messages < ((samples.length + 1) * count) / 50) return
    samples.push({ messages: monitor.messages, rssMib: monitor.rssMib })
    if (samples.length % 5 === 0)
      console.error(`  ${monitor.messages} messages: ${monitor.rssMib.toFixed(0)} MiB`)
  }
  // The queue stays short, as in real life; what is measured is the monitor.
  await feed(place, count, async (sent) => {
    do {
      for (const monitor of monitors) sample(monitor)
      await new Promise((resolve) => setTimeout(resolve, 1))
    } while (sent - sum(monitors) > MOST_QUEUED)
    return true
  })
  while (sum(monitors) < count) {
    for (const monitor of monitors) sample(monitor)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await Promise.all(monitors.map(async (monitor) => monitor.stop()))
  return samples
}

/** By tenths of the run, as each sample is taken somewhere between two collections of garbage. */
function verdict(samples: readonly Sample[], count: number): string {
  const warm = samples.filter(({ messages }) => messages >= WARM_UP * count)
  const tenth = Math.ceil(warm.length / 8)
  const tenths = Array.from({ length: 8 }, (_, at) =>
    median(warm.slice(at * tenth, (at + 1) * tenth).map(({ rssMib }) => rssMib)),
  ).filter((value) => !Number.isNaN(value))
  const middle = median(tenths)
  const furthest = Math.max(...tenths.map((value) => Math.abs(value / middle - 1)))
  const peak = Math.max(...samples.map(({ rssMib }) => rssMib))
  return `after warm-up ${tenths.map((value) => value.toFixed(0)).join(', ')} MiB (peak ${peak.toFixed(0)}): ± ${(100 * furthest).toFixed(1)} %, goal ± 10 % (${furthest <= 0.1 ? 'met' : 'MISSED'})`
}
