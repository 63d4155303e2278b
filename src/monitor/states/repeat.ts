import { sleep } from '../../async/sleep.ts'
import type { Logger } from '../../logger.ts'

export interface RepeatOptions {
  readonly everyMs: number
  readonly signal: AbortSignal
  readonly logger: Logger
  /** What is repeated, as a sentence of the log has it. */
  readonly what: string
}

/** Does it now and then, one at a time, until the signal is aborted. A failure is logged once, and when it is over. */
export async function repeat(work: () => Promise<void>, options: RepeatOptions): Promise<void> {
  const { everyMs, signal, logger, what } = options
  let isFailing = false
  while (!signal.aborted) {
    try {
      await work()
      if (isFailing) logger.info({ what }, 'works again')
      isFailing = false
    } catch (cause) {
      if (signal.aborted) return
      if (!isFailing) logger.warn({ what, cause }, 'failed, trying again')
      isFailing = true
    }
    await sleep(everyMs, signal).catch(() => undefined)
  }
}
