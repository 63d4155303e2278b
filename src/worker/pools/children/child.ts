import { pathToFileURL } from 'node:url'
import { ownFile } from '../../../own-package.ts'
import type { FromChild, ToChild } from './messages.ts'

/** How a child ended. */
export interface ChildExit {
  /** As Python says it: "exitcode 3", "signal 11 (SIGSEGV)". */
  readonly status: string
  /** What it died of, where it said so. */
  readonly error?: unknown
}

/** A thread or a process that runs tasks of the app, one at a time. */
export interface Child {
  /** Of the process it is, or lives in. */
  readonly pid: number
  readonly exited: Promise<ChildExit>
  send(message: ToChild): void
  /** Ends it at once, also in the middle of a task. */
  kill(): void
}

export interface ChildOptions {
  /** The app, as `-A` names it. */
  readonly module: string
  readonly onMessage: (message: FromChild) => void
  /** Called where it sent what cannot be read here. */
  readonly onUnreadable: (error: Error) => void
  /** What the child runs. */
  readonly program: URL
  /** Kilobytes that it may hold: beyond twice as many a thread is ended. */
  readonly maxMemoryKb: number | null
  /** How long the last messages of a process that has died are waited for. */
  readonly lostWaitMs: number
}

/** A task has the same way to its worker as we: what is none of ours is not heard. */
export function isFromChild(message: unknown): message is FromChild {
  return typeof message === 'object' && message !== null && 'kind' in message
}

export type StartChild = (options: ChildOptions) => Child

/** The module that children run: composed at the root, of what loads an app and what runs its tasks. */
export function childModule(): URL {
  return pathToFileURL(ownFile('src/pool-child.ts'))
}
