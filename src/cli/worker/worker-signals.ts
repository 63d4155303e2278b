import type { SignalRules, StopKind } from '../../lifecycle/stop-on-signals.ts'

/**
 * What signals do to a worker, as in Celery 5.7: TERM stops warmly and is heard once; INT too, and a second one is a QUIT;
 * QUIT stops softly where there is a timeout for that, else coldly, and a second one coldly at once; HUP starts the worker anew.
 * https://docs.celeryq.dev/en/stable/userguide/workers.html#stopping-the-worker
 */
export function workerSignals({
  isTerminal,
  remapsTerm,
}: {
  /** Closing a terminal must not start the worker anew, unseen. */
  readonly isTerminal: boolean
  /** REMAP_SIGTERM=SIGQUIT. */
  readonly remapsTerm: boolean
}): SignalRules {
  const seen = new Set<NodeJS.Signals>()
  const quit = (): StopKind => {
    const kind = seen.has('SIGQUIT') ? 'cold' : 'soft'
    seen.add('SIGQUIT')
    return kind
  }
  const once = (signal: NodeJS.Signals, again: () => StopKind): StopKind => {
    if (seen.has(signal)) return again()
    seen.add(signal)
    return seen.has('SIGQUIT') ? 'none' : 'warm'
  }
  return {
    signals: ['SIGTERM', 'SIGINT', 'SIGQUIT', ...(isTerminal ? [] : (['SIGHUP'] as const))],
    kindOf: (signal) => {
      switch (signal) {
        case 'SIGTERM':
          return remapsTerm ? quit() : once(signal, () => 'none')
        case 'SIGINT':
          return once(signal, quit)
        case 'SIGHUP':
          return once(signal, () => 'none')
        default:
          return quit()
      }
    },
  }
}
