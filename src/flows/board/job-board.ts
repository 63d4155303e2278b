import type { FlowStore } from '../storage/flow-store.ts'
import type { Claim } from './job.ts'

/** What a conductor needs of a board. */
export interface JobBoard extends AsyncDisposable {
  readonly name: string
  /** Where the runs of its flows are kept. */
  readonly store: FlowStore
  /** The next job that is due, of these flows only. */
  claimNext(
    owner: string,
    flows?: readonly string[],
    options?: { readonly takesDefinitions?: boolean },
  ): Promise<Claim | undefined>
  registerEntity(kind: string, name: string, metadata: object): Promise<() => Promise<void>>
  listen(onNews: () => void): Promise<() => Promise<void>>
  waitForNews(withinMs: number, signal?: AbortSignal): Promise<void>
  /** Signals whose names match and that unclaimed jobs wait for: at most `limit` of them, in random order. */
  awaited(pattern: RegExp, limit: number): Promise<readonly AwaitedSignal[]>
  signal(flowId: string, name: string, value?: unknown): Promise<void>
}

export interface AwaitedSignal {
  readonly flowId: string
  readonly signal: string
}

export interface ListOptions {
  readonly onlyUnclaimed?: boolean
  /** Also those whose time has not come. Default false. */
  readonly includeDelayed?: boolean
}

export interface JobFilter {
  readonly flow?: string
  /** Values that the job's store must have. */
  readonly store?: Readonly<Record<string, unknown>>
  /** Uuids to leave out. */
  readonly exclude?: readonly string[]
}
