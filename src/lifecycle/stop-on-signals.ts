/** What can be stopped warmly (finish what runs) or coldly (at once). */
export interface Stoppable {
  stop(options: { readonly graceMs?: number }): Promise<void>
}

export interface SignalListeners {
  /** Told which signal came, and whether it was the first. */
  readonly onSignal?: (signal: NodeJS.Signals, kind: 'warm' | 'cold') => void
  /** Once aborted, signals are left to others; what was returned never settles then. */
  readonly until?: AbortSignal
}

/**
 * SIGTERM or SIGINT once stops warmly, twice coldly (Celery's rule,
 * https://docs.celeryq.dev/en/stable/userguide/workers.html#stopping-the-worker).
 * Resolves once it has stopped.
 */
export async function stopOnSignals(
  service: Stoppable,
  { onSignal = () => undefined, until }: SignalListeners = {},
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let isStopping = false
    const onStop = (signal: NodeJS.Signals): void => {
      const kind = isStopping ? 'cold' : 'warm'
      isStopping = true
      onSignal(signal, kind)
      service.stop(kind === 'cold' ? { graceMs: 0 } : {}).then(finish, fail)
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
      process.off('SIGTERM', onStop)
      process.off('SIGINT', onStop)
    }
    process.on('SIGTERM', onStop)
    process.on('SIGINT', onStop)
    until?.addEventListener('abort', forget)
  })
}
