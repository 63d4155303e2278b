import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Fault, Faults, Victim } from './targets.ts'

const execute = promisify(execFile)

const HOUR_MS = 3_600_000
/** The tasks here take 4 s at most; the rest is a busy machine. */
const STOP_DEADLINE_MS = 30_000

/** Ends of processes, and what takes their time, their clock and their descriptors. */
export function processFaults(victims: readonly Victim[]): Faults {
  return Object.assign({}, ...victims.map(faultsOf))
}

function faultsOf(victim: Victim): Faults {
  const { name, isNode, endsGracefully } = victim
  return {
    [`kill -9 of the ${name}`]: unlessEnded(victim, async () => kill(victim)),
    [`SIGSTOP of the ${name}`]: unlessEnded(victim, async (_, seeds) =>
      suspend(victim, seeds.between(1_000, 5_000)),
    ),
    ...(endsGracefully && { [`SIGTERM of the ${name}`]: unlessEnded(victim, terminate(victim)) }),
    ...(isNode && {
      [`clock of the ${name} an hour ahead`]: jump(victim, HOUR_MS),
      [`clock of the ${name} an hour back`]: jump(victim, -HOUR_MS),
      [`descriptors of the ${name} used up`]: unlessEnded(victim, useUpDescriptors(victim)),
    }),
  }
}

export async function kill(victim: Victim): Promise<void> {
  signal(victim, 'SIGKILL')
  await victim.process.exited
  victim.process = await victim.start()
}

async function suspend(victim: Victim, ms: number): Promise<void> {
  signal(victim, 'SIGSTOP')
  await wait(ms)
  signal(victim, 'SIGCONT')
}

function terminate(victim: Victim): Fault {
  return async ({ complain }) => {
    const over = new AbortController()
    const late = wait(STOP_DEADLINE_MS, 'late' as const, { signal: over.signal })
    const ended = await Promise.race([victim.process.stop(), late.catch(() => 'late' as const)])
    over.abort()
    if (ended === 'late') {
      if (victim.isNode)
        complain(`the ${victim.name} did not end ${STOP_DEADLINE_MS} ms after SIGTERM`)
      signal(victim, 'SIGKILL')
      await victim.process.exited
    }
    victim.process = await victim.start()
  }
}

function jump(victim: Victim, aheadMs: number): Fault {
  return async ({ setClock }, seeds) => {
    setClock(victim, aheadMs)
    await wait(seeds.between(1_000, 4_000))
    setClock(victim, 0)
    await wait(200) // it looks at its clock ten times a second
  }
}

/** None is left for what it opens next; its connections end, so that it has to. */
function useUpDescriptors(victim: Victim): Fault {
  return async ({ proxies }, seeds) => {
    const { pid } = victim.process
    const used = readdirSync(`/proc/${pid}/fd`).map(Number)
    const { stdout } = await execute('prlimit', [
      '--pid',
      String(pid),
      '--nofile',
      '--output=SOFT',
      '--noheadings',
    ])
    await limit(pid, String(Math.min(...gaps(used))))
    for (const proxy of Object.values(proxies)) proxy.drop()
    await wait(seeds.between(1_000, 4_000))
    await limit(pid, stdout.trim())
  }
}

/** The numbers that are free, up to the first that was never used. */
function gaps(used: readonly number[]): number[] {
  return Array.from({ length: Math.max(...used) + 2 }, (_, number) => number).filter(
    (number) => !used.includes(number),
  )
}

async function limit(pid: number, descriptors: string): Promise<void> {
  await execute('prlimit', ['--pid', String(pid), `--nofile=${descriptors}:`])
}

/** Python's worker may end by itself, or not at all: it is not what is tried. Ours may not. */
function unlessEnded(victim: Victim, fault: Fault): Fault {
  return async (targets, seeds) => {
    if (isRunning(victim)) return await fault(targets, seeds)
    if (victim.isNode) targets.complain(`the ${victim.name} has ended by itself`)
    victim.process = await victim.start()
  }
}

function isRunning({ process: { pid } }: Victim): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** The whole group: a pool's processes too. */
function signal({ process: { pid } }: Victim, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // It has just ended by itself.
  }
}
