import { setTimeout as wait } from 'node:timers/promises'
import { type CeleryApp, chain, chord, group } from 'celery-toolbox'
import { type BenchPlace, benchApp, openPlace, runPeer } from './environment.ts'
import { median, perSecondSince, type Scenario } from './measure.ts'

const PYTHON = 'Python Celery (prefork, 2)'
const OURS = 'celery-toolbox'

/** Chains of ten tasks that do nothing, one after the other. */
export async function chainScenario(): Promise<Scenario> {
  return await workflowScenario('chain', { count: 20, size: 10 }, async ({ app }, size) => {
    const steps = Array.from({ length: size }, () =>
      app.signature('export.noop', [], {}, IMMUTABLE),
    )
    await (await chain(...steps).applyAsync()).get()
  })
}

/** A thousand tasks that do nothing, side by side. */
export async function groupScenario(): Promise<Scenario> {
  return await workflowScenario('group', { count: 1, size: 1_000 }, async ({ app }, size) => {
    await (await group(...noops(app, size)).applyAsync()).get()
  })
}

/** A thousand tasks that do nothing, and a body that gets what they gave. */
export async function chordScenario(): Promise<Scenario> {
  const delays: number[] = []
  let coldMs = Number.NaN
  let aloneMs = Number.NaN
  const scenario = await workflowScenario(
    'chord',
    { count: 1, size: 1_000 },
    async (ours, size) => {
      // In the warm-up, which is not counted.
      if (Number.isNaN(coldMs)) {
        coldMs = await delayAfterBurst(ours, size)
        for (let n = 0; n < BURSTS; n += 1) delays.push(await delayAfterBurst(ours, size))
        aloneMs = await delayAfterLast(ours, size)
      }
      delays.push(await delayAfterBurst(ours, size))
    },
  )
  return {
    ...scenario,
    notes: () => [
      `the body starts ${aloneMs.toFixed(1)} ms after a last member that comes when all others are done, goal 50 ms`,
      `and ${median(delays).toFixed(1)} ms (median of ${delays.length}) after the last of 1000 that come at once; ${coldMs.toFixed(1)} ms the first time, in a process that has run nothing yet`,
    ],
  }
}

const BURSTS = 15

/** Milliseconds from the end of the last member to the start of the body, where all of them come at once. */
async function delayAfterBurst({ app, seen }: Ours, size: number): Promise<number> {
  await (await chord(noops(app, size), app.signature('export.total')).applyAsync()).get()
  return seen.bodyAt - seen.memberAt
}

/** Milliseconds from the end of a last member, which comes a second after the others, to the start of the body. */
async function delayAfterLast({ app, seen }: Ours, size: number): Promise<number> {
  const header = [...noops(app, size - 1), app.signature('export.late')]
  await (await chord(header, app.signature('export.total')).applyAsync()).get()
  return seen.bodyAt - seen.memberAt
}

const IMMUTABLE = { isImmutable: true }

interface Ours {
  readonly app: CeleryApp
  /** When the last member ended, and when the last body started. */
  readonly seen: { memberAt: number; bodyAt: number }
}

async function workflowScenario(
  kind: 'chain' | 'group' | 'chord',
  { count, size }: { readonly count: number; readonly size: number },
  once: (ours: Ours, size: number) => Promise<void>,
): Promise<Scenario> {
  const place = await openPlace()
  const { app, seen, stop } = await startOurs(place)
  return {
    name: `${kind} of ${size}, results in PostgreSQL (tasks)`,
    baseline: PYTHON,
    goals: [{ ours: OURS, than: PYTHON, atLeast: 3 }],
    contenders: [
      {
        name: OURS,
        run: async () => {
          const startedAt = performance.now()
          for (let n = 0; n < count; n += 1) await once({ app, seen }, size)
          await app.broker().purge('platform.fifo')
          return perSecondSince(startedAt, count * size)
        },
      },
      {
        name: PYTHON,
        run: async () =>
          Number(await runPeer('canvas_peer.py', [kind, String(count), String(size)], place)),
      },
    ],
    close: async () => {
      await stop()
      await place.close()
    },
  }
}

async function startOurs(place: BenchPlace) {
  const app = benchApp(place, 'postgres')
  const seen = { memberAt: 0, bodyAt: 0 }
  app.task('export.noop', () => {
    seen.memberAt = performance.now()
  })
  app.task('export.late', async () => {
    await wait(1_000)
    seen.memberAt = performance.now()
  })
  app.task('export.total', (values: readonly unknown[]) => {
    seen.bodyAt = performance.now()
    return values.length
  })
  const worker = app.worker({ queues: ['export'] })
  await worker.start()
  const stop = async (): Promise<void> => {
    await worker.stop()
    await app.close()
  }
  return { app, seen, stop }
}

function noops(app: CeleryApp, size: number) {
  return Array.from({ length: size }, () => app.signature('export.noop'))
}
