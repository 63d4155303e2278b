import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { sleep } from '../../../async/sleep.ts'
import { type Child, type ChildExit, type ChildOptions, isFromChild } from './child.ts'

/** Starts a process that loads the app and runs its tasks. */
export function startProcessChild({ program, module, onMessage, lostWaitMs }: ChildOptions): Child {
  const child = fork(fileURLToPath(program), [module], {
    serialization: 'advanced',
    execArgv: execArguments(program),
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  child.on('message', (message: unknown) => {
    if (isFromChild(message)) onMessage(message)
  })
  return {
    pid: child.pid ?? 0,
    exited: exitOf(child, lostWaitMs),
    send: (message) => {
      // It may have died just now: its exit says so.
      if (child.connected) child.send(message, () => undefined)
    },
    kill: () => void child.kill('SIGKILL'),
  }
}

/** Its last messages may still be on their way when it has ended. */
async function exitOf(child: ChildProcess, lostWaitMs: number): Promise<ChildExit> {
  const failed = once(child, 'error').then(([error]: unknown[]) => ({
    status: 'not started',
    error,
  }))
  const exited = once(child, 'exit').then(async ([code, signal]: unknown[]) => {
    if (child.connected) {
      const waiting = new AbortController()
      const drained = once(child, 'disconnect', { signal: waiting.signal })
      await Promise.race([drained, sleep(lostWaitMs, waiting.signal)]).catch(() => undefined)
      drained.catch(() => undefined) // waited for long enough
      waiting.abort()
    }
    return { status: statusOf(code, signal) }
  })
  failed.catch(() => undefined)
  exited.catch(() => undefined) // an error comes instead, where it did not start
  return await Promise.race([exited, failed])
}

function statusOf(code: unknown, signal: unknown): string {
  if (typeof signal !== 'string') return `exitcode ${String(code)}`
  const numbers: Readonly<Record<string, number>> = constants.signals
  return `signal ${numbers[signal] ?? '?'} (${signal})`
}

/** As this process was started; a debugger's port is taken. Tests run the sources, which Node 20 cannot read by itself. */
function execArguments(program: URL): string[] {
  if (program.pathname.endsWith('.ts')) return ['--import', 'tsx']
  return process.execArgv.filter((argument) => !/^--(?:inspect|input-type)/.test(argument))
}
