import type { DoubtKind, LossKind } from '../evidence/finding.ts'

export type { DoubtKind, LossKind }

/** A lost task, and what proves it; or one that is in doubt, and why. */
export interface Loss {
  readonly taskId: string
  readonly name: string | null
  readonly queue: string | null
  readonly kind: LossKind
  /** In words. */
  readonly reason: string
  readonly evidence: Readonly<Record<string, unknown>>
}
