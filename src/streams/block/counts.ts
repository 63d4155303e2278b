/** What happens in a block, for metrics: called on the hot path, so it must be quick. */
export interface BlockObserver {
  onReceived?(listener: string, bytes: number): void
  onProcessed?(operator: string, ms: number): void
  onPublished?(publisher: string): void
  onDropped?(place: string): void
  onFailed?(error: Error): void
}

/** Numbers of one run, or of all runs of a block. */
export interface BlockCounts {
  readonly received: number
  readonly processed: number
  readonly published: number
  readonly dropped: number
  readonly failed: number
  readonly givenBack: number
  readonly repeated: number
  readonly busyMs: number
}

export interface BlockStats extends BlockCounts {
  readonly queue: {
    readonly messages: number
    readonly bytes: number
    readonly limit: number
    /** How long the oldest message has waited; 0 where none waits. */
    readonly lagMs: number
  }
  readonly publishers: readonly { readonly name: string; readonly waiting: number }[]
}

export class Counts {
  received = 0
  processed = 0
  published = 0
  dropped = 0
  failed = 0
  givenBack = 0
  /** Deliveries that their source says it delivered before. */
  repeated = 0
  busyMs = 0

  read(): BlockCounts {
    return { ...this }
  }
}
