import type { Logger } from '../../logger.ts'
import type { Compilation } from '../compilation/compile.ts'
import type { Failure } from '../failures/failure.ts'
import type { Remotes } from '../remote/remote.ts'
import type { FlowStore } from '../storage/flow-store.ts'
import type { Parking } from '../waits/parking.ts'
import { Attempts } from './attempts.ts'
import type { Ledger } from './ledger/ledger.ts'
import type { Notifier } from './ledger/notifier.ts'
import { Lookup } from './lookup.ts'
import { Resolver } from './resolver.ts'
import { AtomRunner } from './run-atom.ts'
import { Selector } from './selector.ts'

export interface RunOptions {
  readonly kind?: 'serial' | 'parallel' | undefined
  readonly deferReverts?: boolean | undefined
  readonly neverResolve?: boolean | undefined
  readonly maxWorkers?: number | undefined
  readonly waits?: 'hold' | 'release' | undefined
  readonly persist?: FlowStore | undefined
  readonly signal?: AbortSignal | undefined
  readonly now?: (() => number) | undefined
  readonly remotes?: Remotes | undefined
  readonly job?: string | undefined
}

interface ToolParts {
  readonly compilation: Compilation
  readonly options: RunOptions
  readonly notifier: Notifier
  readonly logger: Logger
  readonly parking: Parking
  readonly signal: AbortSignal
  readonly now: () => number
  readonly refuseLostLease: () => void
  readonly onFailure: (failure: Failure) => void
}

/** What a run works with on its ledger: which atoms are ready, what becomes of a failure, and the attempts themselves. */
export interface RunTools {
  readonly ledger: Ledger
  readonly attempts: Attempts
  readonly resolver: Resolver
  readonly selector: Selector
}

export function runTools(ledger: Ledger, parts: ToolParts): RunTools {
  const { compilation, notifier, logger, options, parking, signal, now } = parts
  const releases = options.waits === 'release'
  const { remotes } = options
  const lookup = new Lookup(compilation, ledger)
  const runner = new AtomRunner({
    ledger,
    lookup,
    notifier,
    signal,
    log: logger,
    remotes,
    releases,
  })
  const resolver = new Resolver(compilation, ledger, {
    ask: async (node, retry) => await runner.ask(node, retry),
    defersReverts: options.deferReverts ?? true,
  })
  const attempts = new Attempts({
    ledger,
    resolver,
    runner,
    parking,
    now,
    remotes,
    releases,
    isStoredAsJson: options.persist?.isEncoded === true,
    refuseLostLease: parts.refuseLostLease,
    onFailure: parts.onFailure,
  })
  return { ledger, attempts, resolver, selector: new Selector(compilation, ledger) }
}
