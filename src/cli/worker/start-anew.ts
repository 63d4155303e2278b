import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { forgetVariables } from '../../config/resolve/environment.ts'

const FORWARDED = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const

/**
 * Starts this program again, with the same arguments, and answers its exit code. Node cannot replace a process as exec does, so
 * this one stays to hand signals on and to end as the new one ends: its supervisor sees no difference.
 */
export async function startAnew(): Promise<number> {
  // systemd's watchdog is to hear from the new process, whose id is another.
  forgetVariables(['WATCHDOG_PID'])
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: 'inherit',
  })
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal)
  for (const signal of FORWARDED) process.on(signal, forward)
  const [code, signal]: unknown[] = await once(child, 'exit')
  for (const one of FORWARDED) process.off(one, forward)
  if (typeof code === 'number') return code
  const numbers: Readonly<Record<string, number>> = constants.signals
  return 128 + (numbers[String(signal)] ?? 0)
}
