import type { Backend, End } from './fleet.ts'
import type { Shape } from './shape.ts'

/** Who calls and who runs; Python with Python alone is the measure of all others. */
export const DIRECTIONS = [
  'python→node',
  'node→python',
  'node→node',
  'python→both',
  'node→both',
] as const
export type Direction = (typeof DIRECTIONS)[number]

export interface Drawn {
  readonly seed: number
  readonly shape: Shape
  readonly direction: Direction
  readonly backend: Backend
}

/** What came of a workflow: how it ended, which tasks and callbacks ran with what, and which states are stored. */
export interface Outcome {
  /** The name of the run, which its ids begin with. */
  readonly run: string
  readonly end: End
  readonly marks: readonly string[]
  readonly states: Readonly<Record<string, string>>
}

/** One outcome of Python alone, and one of ours. */
export interface Compared extends Drawn {
  readonly expected: Outcome
  readonly actual: Outcome
}

export interface Measured extends Drawn {
  /** What came of it with Python alone: of each run, where they differed. */
  readonly expected: readonly Outcome[]
  readonly actual: Outcome
}
