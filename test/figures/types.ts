/** What the long measures came to when they were last run; the documentation states it from here. */
export interface Figures {
  /** Of Celery's integration suite, by its version and the result backend. */
  readonly suite: Readonly<Record<string, Readonly<Record<string, SuiteFigure>>>>
  /** Of random workflows. */
  readonly workflows: WorkflowFigure | null
}

export interface SuiteFigure {
  /** Tests that pass with our worker, … */
  readonly passed: number
  /** … of those that pass with Python's. */
  readonly total: number
  /** The others, by the kind of their reason. */
  readonly differ: Readonly<Record<string, number>>
}

export interface WorkflowFigure {
  readonly firstSeed: number
  readonly count: number
  /** Ended as with Python alone. */
  readonly same: number
  /** Ended as listed in docs/interop.md. */
  readonly listed: number
  readonly unfinished: number
}
