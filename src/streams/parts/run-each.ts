import type { Entry } from '../block/entry.ts'
import type { Lane } from './lane.ts'
import type { OperatorContext } from './operator-context.ts'

interface Processor {
  process(message: never, context: OperatorContext): unknown
}

/**
 * Hands each message of a lane to `process`. This is the hot path: nothing is awaited that need not be, and a message that
 * comes to an idle lane is worked on where it was put.
 */
export function runEach(operator: Processor, lane: Lane): Promise<void> {
  return new Promise((resolve, reject) => {
    const goOn = (): void => {
      try {
        const working = workThrough(operator, lane)
        if (working !== undefined) working.then(goOn, reject)
        else if (!lane.onChange(goOn)) resolve()
      } catch (error) {
        reject(error)
      }
    }
    goOn()
  })
}

/** All that waits, up to a message that takes time. */
function workThrough(operator: Processor, lane: Lane): Promise<void> | undefined {
  for (;;) {
    const entry = lane.take()
    if (entry === undefined) return undefined
    const working = processFirst(operator, entry, lane)
    if (working !== undefined) return working
  }
}

function processFirst(operator: Processor, entry: Entry, lane: Lane): Promise<void> | undefined {
  if (entry.received.unreadable !== undefined) return lane.unreadable(entry)
  let results: unknown
  const startedAt = performance.now()
  try {
    results = processed(operator, entry, lane)
  } catch (error) {
    return retryLater(operator, entry, { lane, error })
  }
  if (isSeveral(results)) return collect(operator, entry, { lane, results, startedAt })
  return finish(entry, results, { lane, startedAt })
}

/** Within the span of the message, where messages are traced. */
function processed(operator: Processor, entry: Entry, lane: Lane): unknown {
  const { trace, received } = entry
  const context = lane.contextOf(entry)
  if (trace === undefined) return operator.process(received.value as never, context)
  return trace.within(() => operator.process(received.value as never, context))
}

function finish(
  entry: Entry,
  result: unknown,
  { lane, startedAt }: { readonly lane: Lane; readonly startedAt: number },
): Promise<void> | undefined {
  lane.observe(performance.now() - startedAt)
  if (result === undefined) return lane.done(entry)
  const published = lane.publish(result, entry)
  return published === undefined ? lane.done(entry) : published.then(() => lane.done(entry))
}

async function collect(
  operator: Processor,
  entry: Entry,
  { lane, results, startedAt }: { lane: Lane; results: Several; startedAt: number },
): Promise<void> {
  try {
    await publishAll(results, entry, lane)
  } catch (error) {
    await retryLater(operator, entry, { lane, error })
    return
  }
  lane.observe(performance.now() - startedAt)
  await lane.done(entry)
}

async function publishAll(results: Several, entry: Entry, lane: Lane): Promise<void> {
  if ('then' in results) {
    const result = await results
    if (isIterable(result)) await publishAll(result, entry, lane)
    else if (result !== undefined) await lane.publish(result, entry)
    return
  }
  for await (const result of results) {
    if (result !== undefined) await lane.publish(result, entry)
  }
}

/** As often as `onError` says; what an attempt has published before it failed is published again. */
async function retryLater(
  operator: Processor,
  entry: Entry,
  failed: { readonly lane: Lane; readonly error: unknown },
): Promise<void> {
  const { lane } = failed
  let { error } = failed
  for (let attempt = 1; await lane.failed(entry, { error, attempt }); attempt += 1) {
    const startedAt = performance.now()
    try {
      const results = processed(operator, entry, lane)
      if (isSeveral(results)) await publishAll(results, entry, lane)
      else if (results !== undefined) await lane.publish(results, entry)
      lane.observe(performance.now() - startedAt)
      await lane.done(entry)
      return
    } catch (cause) {
      error = cause
    }
  }
}

type Several = PromiseLike<unknown> | AsyncIterable<unknown> | Iterable<unknown>

function isSeveral(results: unknown): results is Several {
  if (typeof results !== 'object' || results === null) return false
  return 'then' in results ? typeof results.then === 'function' : isIterable(results)
}

/** What a generator gives; a list is one result, as it is one value on any wire. */
function isIterable(results: unknown): results is AsyncIterable<unknown> | Iterable<unknown> {
  if (typeof results !== 'object' || results === null) return false
  return (
    Symbol.asyncIterator in results ||
    Object.prototype.toString.call(results) === '[object Generator]'
  )
}
