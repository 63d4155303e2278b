import type { Logger } from '../logger.ts'

/**
 * A task that forgets a promise must not end the worker and with it everybody else's tasks: unhandled rejections are
 * logged for as long as a worker runs. Returns what ends it.
 */
export function surviveRejections(logger: Logger): () => void {
  const onRejection = (reason: unknown): void => {
    logger.error({ err: reason }, 'a promise was rejected and nobody handled it')
  }
  process.on('unhandledRejection', onRejection)
  return () => {
    process.off('unhandledRejection', onRejection)
  }
}
