import {
  type SignalListeners,
  type StopKind,
  type Stoppable,
  stopOnSignals,
} from './stop-on-signals.ts'

/** The part of a Service that signals need. */
export interface Runnable extends Stoppable {
  start(): Promise<void>
  /** Resolves once it has stopped by itself. */
  readonly ended?: Promise<unknown>
}

interface RunOptions {
  /** How long a warm stop waits for what runs. Default: what the service thinks fit. */
  readonly graceMs?: number | undefined
  /** The service has done all it has to do once it has started: it is stopped then. */
  readonly endsByItself?: boolean
  readonly onSignal?: SignalListeners['onSignal']
  readonly rules?: SignalListeners['rules']
  readonly soft?: SignalListeners['soft']
  /** Called once the service is up. */
  readonly onStarted?: () => void
}

/** Runs a service until a signal has stopped it; says how, or undefined where it ended without one. */
export async function runUntilStopped(
  service: Runnable,
  { graceMs, endsByItself = false, onSignal, onStarted, rules, soft }: RunOptions = {},
): Promise<Exclude<StopKind, 'none'> | undefined> {
  let kind: Exclude<StopKind, 'none'> | undefined
  const over = new AbortController()
  const warmly = graceMs === undefined ? {} : { graceMs }
  // Listening before it starts: a signal during a long start is heard too.
  const stopped = stopOnSignals(
    { stop: async (asked) => service.stop({ ...warmly, ...asked }) },
    {
      rules,
      soft,
      until: over.signal,
      onSignal: (signal, how) => {
        if (how !== 'none') kind = how
        onSignal?.(signal, how)
      },
    },
  )
  const started = service.start().then(onStarted)
  try {
    await Promise.race([started, stopped])
    if (endsByItself && kind === undefined) await service.stop(warmly)
    else await Promise.race([stopped, service.ended ?? stopped])
  } catch (error) {
    // A start that was cut short by a signal fails, and that is as it should be.
    if (kind === undefined) {
      await service.stop({ graceMs: 0 })
      throw error
    }
    await stopped
  } finally {
    over.abort()
  }
  return kind
}
