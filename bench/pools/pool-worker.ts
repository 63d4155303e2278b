import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

export interface Side {
  readonly name: string
  readonly language: 'node' | 'python'
  readonly pool: string
}

export const SIDES: readonly Side[] = [
  { name: 'processes', language: 'node', pool: 'processes' },
  { name: 'threads', language: 'node', pool: 'threads' },
  { name: 'prefork', language: 'python', pool: 'prefork' },
]

interface StartOptions {
  readonly slots: number
  readonly amqpUrl: string
  readonly stamps: string
}

const ROOT = resolve(import.meta.dirname, '../..')
const READY = /worker ready|ready\./

/** A worker in processes of its own, from its command line to its end. */
export class PoolWorker {
  readonly startMs: number
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, startMs: number) {
    this.#child = child
    this.startMs = startMs
  }

  static async start(side: Side, { slots, amqpUrl, stamps }: StartOptions): Promise<PoolWorker> {
    const startedAt = performance.now()
    const [command, ...args] = commandOf(side)
    const child = spawn(command, [...args, '-P', side.pool, '-c', String(slots), '-l', 'INFO'], {
      cwd: join(ROOT, 'bench/peers'),
      detached: true,
      env: {
        ...process.env,
        AMQP_URL: amqpUrl,
        CELERY_BROKER_URL: amqpUrl,
        ...(side.language === 'node' && { CELERY_RESULT_BACKEND: 'rpc://' }),
        STAMPS: stamps,
        C_FORCE_ROOT: '1',
      },
    })
    let output = ''
    await new Promise<void>((done, fail) => {
      const onText = (text: Buffer): void => {
        output += text.toString()
        if (READY.test(output)) done()
      }
      child.stdout?.on('data', onText)
      child.stderr?.on('data', onText)
      child.once('exit', (code) => fail(new Error(`${side.name} ended with ${code}:\n${output}`)))
    })
    return new PoolWorker(child, performance.now() - startedAt)
  }

  /** Its process, and those of its children. */
  get pids(): readonly number[] {
    const text = execFileSync('pgrep', ['-g', String(this.#child.pid)], { encoding: 'utf8' })
    return text.trim().split('\n').map(Number)
  }

  async stop(): Promise<number> {
    const startedAt = performance.now()
    const ended = new Promise((done) => this.#child.once('close', done))
    this.#child.kill('SIGTERM')
    await ended
    return performance.now() - startedAt
  }
}

/** What all its processes hold, and how often they wake up, while there is nothing to do. */
export async function idleOf(
  worker: PoolWorker,
): Promise<{ readonly residentMb: number; readonly wakeUpsPerSecond: number }> {
  const SECONDS = 5
  await wait(1_000)
  const before = sum(worker.pids, 'voluntary_ctxt_switches')
  await wait(SECONDS * 1_000)
  return {
    wakeUpsPerSecond: (sum(worker.pids, 'voluntary_ctxt_switches') - before) / SECONDS,
    residentMb: sum(worker.pids, 'VmRSS') / 1_024,
  }
}

/** Of all threads, as wake-ups are counted for each; memory stands in the first, which is the process. */
function sum(pids: readonly number[], field: string): number {
  const values = pids.flatMap((pid) => {
    const tasks = field === 'VmRSS' ? [String(pid)] : readdirSync(`/proc/${pid}/task`)
    return tasks.map((task) => {
      const status = readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8')
      return Number(status.match(new RegExp(`^${field}:\\s+(\\d+)`, 'm'))?.[1] ?? 0)
    })
  })
  return values.reduce((total, value) => total + value, 0)
}

function commandOf({ language }: Side): [string, ...string[]] {
  if (language === 'python') {
    const python = process.env.PYTHON_CELERY ?? 'python3'
    return [python, '-m', 'celery', '-A', 'pools_peer', 'worker', '-Q', 'pools']
  }
  const cli = join(ROOT, 'dist/src/cli/main.js')
  return [process.execPath, cli, 'worker', '-A', join(ROOT, 'bench/pools/app.js'), '-Q', 'pools']
}
