import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { BenchPlace } from './environment.ts'

/** A monitor in a process of its own. */
export interface MonitorProcess {
  /** Recorded and acknowledged so far. */
  readonly messages: number
  readonly rssMib: number
  /** Of CPU, in this process. */
  readonly cpuMs: number
  /** From now on it gets that share of a core at most, as on a machine where others want the rest. */
  hold(share: number): void
  stop(): Promise<void>
}

export async function startMonitors(place: BenchPlace, count: number): Promise<MonitorProcess[]> {
  return await Promise.all(Array.from({ length: count }, async () => startMonitor(place)))
}

interface Said {
  readonly messages: number
  readonly rssMib: number
  readonly cpuMs: number
}

async function startMonitor(place: BenchPlace): Promise<MonitorProcess> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, 'monitor-process.ts')],
    {
      env: { ...process.env, AMQP_URL: place.amqpUrl, DATABASE_URL: place.databaseUrl },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    },
  )
  let said: Said = { messages: 0, rssMib: 0, cpuMs: 0 }
  child.on('message', (message: Said) => {
    said = message
  })
  await once(child, 'message')
  return {
    get messages() {
      return said.messages
    },
    get rssMib() {
      return said.rssMib
    },
    get cpuMs() {
      return said.cpuMs
    },
    hold: (share) => hold(child, share),
    stop: async () => stopped(child),
  }
}

const HOLD_PERIOD_MS = 100

/** Stopped for most of each period, by signals that a process cannot overhear. */
function hold(child: ChildProcess, share: number): void {
  const period = setInterval(() => {
    child.kill('SIGCONT')
    setTimeout(() => child.kill('SIGSTOP'), share * HOLD_PERIOD_MS)
  }, HOLD_PERIOD_MS)
  child.once('exit', () => clearInterval(period))
}

async function stopped(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  child.kill('SIGCONT')
  await gone
}

/** Resolves once the monitors together have recorded so many. */
export async function recordedBy(
  monitors: readonly MonitorProcess[],
  count: number,
): Promise<void> {
  while (sum(monitors) < count) await new Promise((resolve) => setTimeout(resolve, 5))
}

export function sum(monitors: readonly MonitorProcess[]): number {
  return monitors.reduce((total, { messages }) => total + messages, 0)
}
