/** How a task vanished. */
export type LossKind = 'never-received' | 'worker-gone' | 'no-result'

/** A task that vanished, and what shows it. */
export interface Loss {
  readonly taskId: string
  readonly name: string | null
  readonly queue: string | null
  readonly kind: LossKind
  /** In words. */
  readonly reason: string
  readonly evidence: Readonly<Record<string, unknown>>
}

/** How the task was when it was looked at: nothing is done about one that has changed since. */
export interface LossCandidate {
  readonly taskId: string
  readonly name: string | null
  readonly queue: string | null
  readonly state: string
  readonly stateAt: string | null
  readonly retries: number
  /** It is itself what became of another that was published again. */
  readonly isReplay: boolean
}
