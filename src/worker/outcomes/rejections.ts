import { type Service, service } from '../../lifecycle/service.ts'
import type { Logger } from '../../logger.ts'
import { currentRequest } from '../../tasks/calls/current-request.ts'

const loggers = new Set<Logger>()

/**
 * A promise that a task forgot must not end the process and with it the other tasks: for as long as a worker runs, such
 * rejections are logged. Those of the program around the worker stay the program's. Returns what ends it.
 */
export function surviveRejections(logger: Logger): () => void {
  if (loggers.size === 0) process.on('unhandledRejection', onRejection)
  loggers.add(logger)
  return () => {
    loggers.delete(logger)
    if (loggers.size === 0) process.off('unhandledRejection', onRejection)
  }
}

/** For as long as it runs. An eager app has no process of its own: a rejection that its other code does not handle must stay visible. */
export function unhandledRejections(isEager: boolean, logger: Logger): Service {
  let forget: (() => void) | undefined
  return service({
    name: 'unhandled rejections',
    start: async () => {
      if (!isEager) forget = surviveRejections(logger)
    },
    stop: async () => forget?.(),
  })
}

function onRejection(reason: unknown): void {
  // Node calls this in the context of the promise.
  const request = currentRequest()
  if (request === undefined) {
    leaveToProgram(reason)
    return
  }
  const [logger] = loggers
  logger?.error({ taskId: request.id, err: reason }, 'a task left a rejected promise unhandled')
}

/** Without us Node would have made an uncaught exception of it, unless the program has a listener of its own. */
function leaveToProgram(reason: unknown): void {
  if (process.listenerCount('unhandledRejection') > 1) return
  throw reason instanceof Error
    ? reason
    : new Error('a promise was rejected with a value that is not an error', { cause: reason })
}
