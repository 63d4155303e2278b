import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import type { RetryOptions } from '../../tasks/signals.ts'

/** What came of running a task. A union, so that no way out is forgotten where outcomes are handled. */
export type Outcome =
  | { readonly kind: 'success'; readonly value: unknown; readonly runtimeMs: number }
  | { readonly kind: 'failure'; readonly error: unknown; readonly runtimeMs: number }
  /** It wants to run again; `countdown` is in seconds, `cause` what made it necessary. */
  | {
      readonly kind: 'retry'
      readonly countdown: number
      readonly options: RetryOptions
      readonly cause: unknown
    }
  /** Another signature takes its place. */
  | { readonly kind: 'replaced'; readonly signature: SignatureDict }
  /** It wants this run forgotten. */
  | { readonly kind: 'ignore' }
  /** It gives its message back (`requeue`) or away. */
  | { readonly kind: 'reject'; readonly reason: string; readonly requeue: boolean }
  /** It was not run, or not to its end, because it is not wanted any more. */
  | {
      readonly kind: 'revoked'
      readonly reason: 'expired' | 'revoked' | 'terminated'
      /** Of one that ran: the number of the signal that was to end it. */
      readonly signum?: number
    }
  /** The worker stopped without waiting for it, or lost its message. Callers learn of one that is cancelled. */
  | { readonly kind: 'abandoned'; readonly isCancelled?: boolean }
