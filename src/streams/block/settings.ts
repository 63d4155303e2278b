import { ConfigurationError } from '../../errors.ts'
import type { QueueLimits, WhenFull } from './bounded-queue.ts'

export interface RetryPolicy {
  /** How often a message is tried again. Default 3. */
  readonly times?: number
  /** Default 100. */
  readonly delayMs?: number
  /** After the last try. Default skip. */
  readonly afterwards?: 'skip' | 'stop'
}

/** What happens to a message that fails: left out (counted, logged, dead-lettered), tried again, or the end of the run. */
export type OnError = 'skip' | 'stop' | 'retry' | RetryPolicy | { readonly retry: RetryPolicy }

export interface BlockOptions {
  /** Messages between listeners and operator. Default 64 messages, 2 MiB, wait. */
  readonly queue?: QueueLimits
  /** Of each publisher between operator and wire. Default 64 messages, 2 MiB, wait. */
  readonly outlet?: QueueLimits
  /** Default skip. */
  readonly onError?: OnError
  /** Messages that the operator works on at a time. Default 1. */
  readonly concurrency?: number
  /** Whether results keep the order of each listener's messages, also with concurrency. Default true. */
  readonly ordered?: boolean
  /** Messages of one key are worked on one after another, in order; those of others may overtake them. */
  readonly partitionBy?: ((message: never) => unknown) | undefined
  /** How long a stop waits for what was taken. Default 10000. */
  readonly graceMs?: number
}

export interface BlockSettings {
  readonly queue: QueueLimits
  readonly outlet: QueueLimits
  readonly onError: Required<RetryPolicy>
  readonly concurrency: number
  readonly ordered: boolean
  readonly partitionBy: ((message: never) => unknown) | undefined
  readonly graceMs: number
}

const WHEN_FULL: readonly WhenFull[] = ['wait', 'drop-oldest', 'drop-newest', 'latest']

/** The options of a block, checked; defaults where nothing was given. */
export function blockSettings(name: string, options: BlockOptions): BlockSettings {
  const { queue = {}, outlet = {}, concurrency = 1, ordered = true, graceMs = 10_000 } = options
  checkLimits(name, 'queue', queue)
  checkLimits(name, 'outlet', outlet)
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    const found = `concurrency is ${String(concurrency)}, expected a whole number from 1`
    throw refused(name, 'concurrency', found)
  }
  if (options.partitionBy !== undefined && typeof options.partitionBy !== 'function') {
    throw refused(name, 'partitionBy', 'partitionBy must be a function of the message')
  }
  if (typeof ordered !== 'boolean') {
    throw refused(name, 'ordered', `ordered is ${String(ordered)}, expected true or false`)
  }
  if (!(typeof graceMs === 'number' && graceMs >= 0)) {
    throw refused(name, 'graceMs', `graceMs is ${String(graceMs)}, expected milliseconds from 0`)
  }
  return {
    queue,
    outlet,
    onError: errorPolicy(name, options.onError ?? 'skip'),
    concurrency,
    ordered,
    partitionBy: options.partitionBy,
    graceMs,
  }
}

function checkLimits(block: string, queue: 'queue' | 'outlet', limits: QueueLimits): void {
  for (const field of ['limit', 'limitBytes'] as const) {
    const value = limits[field]
    if (value === undefined || (Number.isSafeInteger(value) && value > 0)) continue
    const option = `${queue}.${field}`
    throw refused(block, option, `${option} is ${String(value)}, expected a whole number from 1`)
  }
  const { whenFull } = limits
  if (whenFull !== undefined && !WHEN_FULL.includes(whenFull)) {
    const option = `${queue}.whenFull`
    const found = `${option} is ${JSON.stringify(whenFull)}, expected ${WHEN_FULL.join(', ')}`
    throw refused(block, option, found)
  }
}

function errorPolicy(block: string, onError: OnError): Required<RetryPolicy> {
  if (onError === 'skip' || onError === 'stop') return { times: 0, delayMs: 0, afterwards: onError }
  const policy = onError === 'retry' ? {} : retryOf(block, onError)
  const { times = 3, delayMs = 100, afterwards = 'skip' } = policy
  if (!(Number.isSafeInteger(times) && times >= 0 && delayMs >= 0)) {
    const found = `onError retries ${String(times)} times after ${String(delayMs)} ms, expected numbers from 0`
    throw refused(block, 'onError', found)
  }
  return { times, delayMs, afterwards }
}

function retryOf(
  block: string,
  onError: RetryPolicy | { readonly retry: RetryPolicy },
): RetryPolicy {
  if (typeof onError === 'object' && onError !== null) {
    if ('retry' in onError && typeof onError.retry === 'object') return onError.retry
    if ('times' in onError || 'delayMs' in onError) return onError
  }
  const found = `onError is ${JSON.stringify(onError)}, expected skip, stop, retry or { retry: { times, delayMs } }`
  throw refused(block, 'onError', found)
}

function refused(block: string, option: string, found: string): ConfigurationError {
  return new ConfigurationError(`block "${block}": ${found}`, { option })
}
