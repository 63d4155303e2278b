import { type Stoppable, stopOnSignals } from './stop-on-signals.ts'

/** What runs until it is told to stop. */
export interface Service extends Stoppable {
  start(): Promise<void>
}

export interface RunOptions {
  /** How long a warm stop waits for what runs. Default: as long as it takes. */
  readonly graceMs?: number | undefined
  readonly onSignal?: (signal: NodeJS.Signals, kind: 'warm' | 'cold') => void
  /** Called once the service is up. */
  readonly onStarted?: () => void
}

/** Runs a service until a signal has stopped it; says whether it stopped warmly or was cut short. */
export async function runUntilStopped(
  service: Service,
  { graceMs, onSignal, onStarted }: RunOptions = {},
): Promise<'warm' | 'cold'> {
  let last: 'warm' | 'cold' = 'warm'
  const warmly = graceMs === undefined ? {} : { graceMs }
  // Listening before it starts: a signal during a long start is heard too.
  const stopped = stopOnSignals(
    { stop: async (asked) => service.stop({ ...warmly, ...asked }) },
    {
      onSignal: (signal, kind) => {
        last = kind
        onSignal?.(signal, kind)
      },
    },
  )
  await Promise.race([service.start().then(onStarted), stopped])
  await stopped
  return last
}
