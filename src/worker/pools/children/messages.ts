import type { Outcome } from '../../outcomes/outcome.ts'

// What a worker and the children of its pools say to each other. `unknown` is a value as toBorder() made it.

export type ToChild =
  | {
      readonly kind: 'run'
      readonly call: number
      readonly request: unknown
      readonly soft: number | null
      /** The W3C headers of the run's span in the worker; empty where it does not trace. */
      readonly trace: Readonly<Record<string, string>>
    }
  | {
      readonly kind: 'answer'
      readonly ask: number
      readonly value?: unknown
      readonly error?: unknown
    }
  /** It is to end, as nothing runs in it. */
  | { readonly kind: 'end' }

export type FromChild =
  | { readonly kind: 'ready' }
  /** It cannot load the app. */
  | { readonly kind: 'unfit'; readonly error: unknown }
  | {
      readonly kind: 'ask'
      readonly ask: number
      readonly call: number
      readonly what: 'saveState' | 'sendEvent' | 'addToChord'
      readonly args: unknown
    }
  | {
      readonly kind: 'log'
      /** The run that says it; null: something else in the child. */
      readonly call: number | null
      readonly level: LogLevel
      readonly fields: unknown
      readonly sentence: string
    }
  | { readonly kind: 'done'; readonly call: number; readonly end: unknown }

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** How a run in a child ended. */
export interface RunEnd {
  readonly outcome: Outcome
  /** What the task has called, as result nodes. */
  readonly children: unknown
  /** The task has taken its callbacks over. */
  readonly isHandedOver: boolean
  /** The place in the task's `throwsExpected` of the class that the error is of; -1: none. */
  readonly expected: number
  /** What the child holds now. */
  readonly memoryBytes: number
}

/** Either side of the way between a worker and a child. */
export interface ChildPort {
  send(message: FromChild): void
  onMessage(listener: (message: ToChild) => void): void
}
