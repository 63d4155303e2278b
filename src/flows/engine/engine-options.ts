import type { Logger } from '../../logger.ts'
import type { Values } from '../atoms/atom.ts'
import type { Remotes } from '../remote/remote.ts'
import type { FlowEvent, FlowStore } from '../storage/flow-store.ts'
import type { NoticeContext } from './ledger/notice-context.ts'
import type { Notice } from './ledger/transitions.ts'

export interface EngineOptions {
  /** serial: one atom at a time; parallel: all that are ready. Default serial. */
  readonly kind?: 'serial' | 'parallel' | undefined
  /** Values for the flow's atoms: they win over what atoms provide. */
  readonly store?: Values | undefined
  /** Where the run is kept; in memory of this engine alone by default. */
  readonly persist?: FlowStore | undefined
  /** The run to start or, where it is stored, to resume. Default: a new one. */
  readonly flowId?: string | undefined
  /**
   * A nested retry that gives up leaves the decision to its parent's retry, or reverts the whole flow (true, the default);
   * false is TaskFlow's default: it reverts its own flow alone.
   */
  readonly deferReverts?: boolean | undefined
  /** A failure ends the run where it is: nothing is retried or reverted. */
  readonly neverResolve?: boolean | undefined
  /** Atoms that run at a time in a parallel engine. Default: all that are ready. */
  readonly maxWorkers?: number | undefined
  /** What a run does with atoms that wait for a moment or a signal: hold until then, or suspend. Default hold. */
  readonly waits?: 'hold' | 'release' | undefined
  /** The lease under which this engine writes; see Conductor. */
  readonly epoch?: number | undefined
  /** Aborted when the run must end at once, because its lease is lost. */
  readonly signal?: AbortSignal | undefined
  /** Makes the events that are stored with each transition, where the store has an outbox: flowEvents(). */
  readonly eventOf?: ((notice: Notice, context: NoticeContext) => FlowEvent | undefined) | undefined
  /** Called with each event once its transition is stored; an EventRelay does it for stores with an outbox. */
  readonly onEvent?: ((event: FlowEvent) => void) | undefined
  readonly logger?: Logger | undefined
  readonly now?: (() => number) | undefined
  /** Runs the steps that are Celery tasks: celeryRemotes(app). */
  readonly remotes?: Remotes | undefined
  /** Resumes a stored run from this step: it and all after it run again, with `store` over the values before. */
  readonly from?: string | undefined
  /** Kept with a new run, so that a job can be made for it again. */
  readonly source?: FlowSourceRecord | undefined
  /** The job that it runs for; a flow that has ended for it does not run again. */
  readonly job?: string | undefined
}

/** How a run's flow is made: the name that conductors know it by, or the text of its file. */
export interface FlowSourceRecord {
  readonly flow: string
  readonly definition?: string | undefined
}
