import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import {
  forgetVariables,
  SUPERVISOR,
  setVariables,
  supervisorPid,
} from '../../config/resolve/environment.ts'

const FORWARDED = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const

/** With this exit code a worker asks the process that has started it to start the next one. Nothing else here ends so. */
const ANEW = 247

/**
 * Starts this program again, with the same arguments, and answers its exit code. Node cannot replace a process as exec does, so
 * the first process stays, as a supervisor: it hands signals on, starts each next worker, and ends as the last one ends. What
 * has started the first one sees no difference, and there are two processes, however often that happens.
 */
export async function startAnew(): Promise<number> {
  // Compared with the parent: the supervisor may be gone, and programs that tasks start inherit the variable.
  if (supervisorPid() === process.ppid) return ANEW
  // systemd's watchdog is to hear from the new process, whose id is another.
  forgetVariables(['WATCHDOG_PID'])
  setVariables({ [SUPERVISOR]: String(process.pid) })
  let worker = startWorker()
  const forward = (signal: NodeJS.Signals): void => void worker.kill(signal)
  for (const signal of FORWARDED) process.on(signal, forward)
  let code = await exitCodeOf(worker)
  while (code === ANEW) {
    worker = startWorker()
    code = await exitCodeOf(worker)
  }
  for (const signal of FORWARDED) process.off(signal, forward)
  return code
}

function startWorker(): ChildProcess {
  return spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: 'inherit',
  })
}

async function exitCodeOf(worker: ChildProcess): Promise<number> {
  const [code, signal]: unknown[] = await once(worker, 'exit')
  if (typeof code === 'number') return code
  // It came before the worker listened to signals.
  if (signal === 'SIGHUP') return ANEW
  const numbers: Readonly<Record<string, number>> = constants.signals
  return 128 + (numbers[String(signal)] ?? 0)
}
