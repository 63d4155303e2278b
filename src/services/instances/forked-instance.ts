import { fork } from 'node:child_process'
import type { Instance } from './instance-pool.ts'

/** Says to the same command that it is one instance of many, so that what concerns all is not for it. */
const AS_INSTANCE = '--as-instance'

/** The same command again as a process of its own, which reports the queues that it takes and ends when its pool does. */
export function forkInstance(onQueues: (queues: readonly string[]) => void): Instance {
  const [, script = '', ...args] = process.argv
  // In a process group of its own: Ctrl-C is for the pool, which signals its instances.
  const child = fork(script, [...args, AS_INSTANCE], { detached: true, stdio: 'inherit' })
  child.on('message', (message: { readonly queues?: readonly string[] }) => {
    if (Array.isArray(message.queues)) onQueues(message.queues)
  })
  const ended = new Promise<number | null>((resolve) => {
    child.once('exit', (code) => resolve(code))
    child.once('error', () => resolve(null))
  })
  return {
    ended,
    stop: ({ isAtOnce }) => {
      if (child.connected) child.send({ stop: isAtOnce ? 'at once' : 'warm' })
    },
  }
}

/** What an instance hears from its pool; a pool that is gone stops it, too. */
export function obeyPool(stop: (how: { readonly isAtOnce: boolean }) => void): {
  readonly report: (queues: readonly string[]) => void
  readonly end: () => void
} {
  process.on('message', (message: { readonly stop?: string }) => {
    if (message.stop !== undefined) stop({ isAtOnce: message.stop === 'at once' })
  })
  const onGone = (): void => stop({ isAtOnce: false })
  process.once('disconnect', onGone)
  return {
    report: (queues) => process.send?.({ queues }),
    end: () => {
      process.off('disconnect', onGone)
      if (process.connected) process.disconnect()
    },
  }
}
