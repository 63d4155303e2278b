import { type Logger, silentLogger } from '../logger.ts'
import { type Service, service, startUnless } from './service.ts'

interface SupervisorOptions {
  readonly name: string
  /** In the order in which they start: each may use those before it. */
  readonly services: readonly Service[]
  readonly logger?: Logger
}

/** The time that services have to end in when one of them did not start. */
const WITHIN_MS = 10_000

/**
 * Many services as one: started one after the other, drained and stopped in reverse, within one deadline for all.
 * The first failure, of a start or later on, is the one that start() or `ended` rejects with; what fails after it is logged.
 */
export function supervisor({ name, services, logger = silentLogger }: SupervisorOptions): Service {
  const begun: Service[] = []
  return service({
    name,
    start: async ({ signal, fail }) => {
      try {
        for (const one of services) {
          signal.throwIfAborted()
          begun.unshift(one)
          await startUnless(signal, one)
          void one.ended.then((error) => error && fail(error))
        }
      } catch (error) {
        await stopAll(begun, WITHIN_MS, logger).catch(() => undefined)
        throw error
      }
    },
    drain: async (cut) => {
      cut.addEventListener('abort', () => {
        for (const one of begun) one.drain({ graceMs: 0 }).catch(() => undefined)
      })
      for (const one of begun) await one.drain(cut.aborted ? { graceMs: 0 } : {})
    },
    stop: (withinMs) => stopAll(begun, withinMs, logger),
  })
}

/** Each has what the ones before it have left of the time. All are stopped, however many fail. */
async function stopAll(
  services: readonly Service[],
  withinMs: number,
  logger: Logger,
): Promise<void> {
  const endsAt = performance.now() + withinMs
  const problems: unknown[] = []
  for (const one of services) {
    try {
      await one.stop({ graceMs: 0, withinMs: Math.max(0, endsAt - performance.now()) })
    } catch (error) {
      problems.push(error)
      logger.error({ service: one.name, err: error }, 'a service did not stop cleanly')
    }
  }
  if (problems.length > 0) throw problems[0]
}
