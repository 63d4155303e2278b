/** What can be stopped warmly (finish what runs), softly (within a time) or coldly (at once). */
export interface Stoppable {
  stop(options: StopHow): Promise<void>
}

export interface StopHow {
  readonly graceMs?: number
  /** Not before this time has passed, also where nothing runs. */
  readonly idleMs?: number
}

/** `none`: the signal is heard, and nothing follows from it. */
export type StopKind = 'warm' | 'soft' | 'cold' | 'none'

/** Which signals are heard, and what each means when it comes. */
export interface SignalRules {
  readonly signals: readonly NodeJS.Signals[]
  readonly kindOf: (signal: NodeJS.Signals) => StopKind
}

export interface SignalListeners {
  /** Called with the signal that came, and what it means. */
  readonly onSignal?: (signal: NodeJS.Signals, kind: StopKind) => void
  /** Default: SIGTERM or SIGINT once stops warmly, twice coldly. */
  readonly rules?: SignalRules | undefined
  /** How long a soft stop lets tasks run. */
  readonly soft?: StopHow | undefined
  /** Once aborted, signals are left to others; what was returned never settles then. */
  readonly until?: AbortSignal
}

/** Stops a service when signals come. Resolves once it has stopped. */
export async function stopOnSignals(
  service: Stoppable,
  { onSignal = () => undefined, rules = twice(), soft, until }: SignalListeners = {},
): Promise<void> {
  const how: Readonly<Record<Exclude<StopKind, 'none'>, StopHow>> = {
    warm: {},
    soft: soft ?? { graceMs: 0 },
    cold: { graceMs: 0 },
  }
  await new Promise<void>((resolve, reject) => {
    const onStop = (signal: NodeJS.Signals): void => {
      const kind = rules.kindOf(signal)
      onSignal(signal, kind)
      if (kind !== 'none') service.stop(how[kind]).then(finish, fail)
    }
    const finish = (): void => {
      forget()
      resolve()
    }
    const fail = (error: unknown): void => {
      forget()
      reject(error)
    }
    const forget = (): void => {
      for (const signal of rules.signals) process.off(signal, onStop)
    }
    for (const signal of rules.signals) process.on(signal, onStop)
    until?.addEventListener('abort', forget)
  })
}

function twice(): SignalRules {
  let isStopping = false
  return {
    signals: ['SIGTERM', 'SIGINT'],
    kindOf: () => {
      const kind = isStopping ? 'cold' : 'warm'
      isStopping = true
      return kind
    },
  }
}
