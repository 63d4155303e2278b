import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { AsyncResult } from '../../src/results/async-result.ts'
import { freshServers, liveApp } from '../support/live-app.ts'
import { startCli } from '../support/processes.ts'
import { waitFor } from '../support/wait-for.ts'
import { Effects } from './fault-worker.ts'

export interface Handover {
  readonly published: number
  /** How often each task was begun, where that is not once. */
  readonly notOnce: readonly number[]
  readonly failed: readonly unknown[]
  /** From the end of one task to the end of the next, from the SIGTERM on. */
  readonly longestGapMs: number
  readonly exit: unknown
}

const APP = join(import.meta.dirname, 'pools/app.js')

/** Early-acked tasks flow all the time; one of two workers is told to stop in the middle of it. */
export async function handOver(pool: string): Promise<Handover> {
  const servers = await freshServers(['fault'])
  const effects = new Effects()
  const app = liveApp(servers)
  const env = { ...servers.env, EFFECTS: effects.file }
  const args = ['worker', '-A', APP, '-Q', 'fault', '-P', pool]
  const slots = pool === 'async' ? '10' : '2'
  const [worker, standby] = ['first', 'second'].map((name) =>
    startCli([...args, '-c', slots, '-n', `${name}@handover`], { env }),
  )
  if (worker === undefined || standby === undefined) throw new Error('two are started')
  for (const each of [worker, standby])
    await each.waitForLine(/worker ready/, { deadlineMs: 60_000 })
  const results: AsyncResult[] = []
  const flow = async (seconds: number): Promise<void> => {
    const until = Date.now() + seconds * 1_000
    while (Date.now() < until) {
      results.push(await app.sendTask('fault.early', [results.length, 30]))
      await wait(20)
    }
  }
  await flow(1.5)
  const termAt = Date.now()
  worker.kill('SIGTERM')
  await flow(1.5)
  await waitFor('the tasks to end', () => effects.of('end').size === results.length, {
    deadlineMs: 30_000,
  })
  const states = await Promise.allSettled(
    results.map(async (each) => each.get({ timeoutMs: 10_000 })),
  )
  return {
    published: results.length,
    notOnce: results.map((_, n) => n).filter((n) => timesOf(effects, 'start', n).length !== 1),
    failed: states.flatMap((state) => (state.status === 'rejected' ? [state.reason] : [])),
    longestGapMs: longestGapMs(effects, termAt),
    exit: await worker.exited,
  }
}

function longestGapMs(effects: Effects, from: number): number {
  const times = [from, ...timesOf(effects, 'end').filter((time) => time >= from)].sort(
    (a, b) => a - b,
  )
  return Math.max(...times.slice(1).map((time, at) => time - Number(times[at])))
}

/** When tasks have started or ended: lines of pools/app.js. */
function timesOf(effects: Effects, what: 'start' | 'end', n?: number): readonly number[] {
  return readFileSync(effects.file, 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([kind, number]) => kind === what && (n === undefined || Number(number) === n))
    .map((words) => Number(words[3]))
}
