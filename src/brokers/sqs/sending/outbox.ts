import type { SendMessageBatchResult } from '@aws-sdk/client-sqs'
import { type Backoff, backoffDelayMs } from '../../../async/backoff.ts'
import { type Deferred, deferred } from '../../../async/deferred.ts'
import { startTimer } from '../../../async/timer.ts'
import {
  codeOf,
  failureOf,
  isEntryWorthRetrying,
  isMessageUnfit,
  reasonOf,
} from '../connecting/server-errors.ts'
import type { SqsApi } from '../connecting/sqs-api.ts'
import type { QueuePlace } from '../queues/queues.ts'
import { Lanes } from './lanes.ts'
import type { MessageIds } from './message-ids.ts'

/** One copy of a message, as SQS takes it. */
interface Outgoing {
  readonly body: string
  readonly ids: MessageIds
  readonly delaySeconds: number
  /** It is given up so long after it was first sent, or where nothing before it in line has moved for so long. */
  readonly deadlineMs: number
}

interface How {
  readonly isRefused?: boolean
  /** Refused for what it is: it will be again. */
  readonly isUnfit?: boolean
  /** Sent and not answered, so that it may have arrived all the same. */
  readonly isUnsure?: boolean
  readonly cause?: unknown
}

/** Why a copy did not arrive. */
export class CopyFailure extends Error {
  readonly isRefused: boolean
  readonly isUnfit: boolean
  readonly isUnsure: boolean

  constructor(
    message: string,
    { isRefused = false, isUnfit = false, isUnsure = false, cause }: How,
  ) {
    super(message, { cause })
    this.isRefused = isRefused
    this.isUnfit = isUnfit
    this.isUnsure = isUnsure
  }
}

interface OutboxParts {
  readonly queue: string
  readonly api: SqsApi
  readonly place: () => Promise<QueuePlace>
  /** The queue is gone: brings it back where it was declared here, else rejects. */
  readonly revive: () => Promise<unknown>
}

interface Waiting extends Outgoing {
  readonly lane: string | undefined
  readonly bytes: number
  readonly sent: Deferred<void>
  readonly addedAt: number
  sentAt: number | undefined
  wasSent: boolean
  failure: string
}

const BATCH = { messages: 10, bytes: 1_048_576 }
/**
 * Full batches that may be away at a time, as far as the server keeps up; what is no full batch waits for the one before, and
 * grows meanwhile.
 */
const MOST_AWAY = 8
const FIRST_AWAY = 2
const BACKOFF: Backoff = { initialMs: 50, factor: 2, maxMs: 2_000, jitter: 0.5 }
const LONGEST_CALL_MS = 10_000
const SHORTEST_CALL_MS = 250

/** Sends to one queue, in batches that cross callers: what is published in one turn of the event loop goes together. */
export class Outbox {
  readonly #parts: OutboxParts
  readonly #waiting = new Lanes<Waiting>()
  #away = 0
  /** One more with each batch that is taken, half as many with each that is not. */
  #mostAway = FIRST_AWAY
  #failures = 0
  /** When SQS last took something. */
  #movedAt = 0
  #isFlushDue = false
  #isPausing = false
  readonly #all = new Set<Promise<void>>()

  constructor(parts: OutboxParts) {
    this.#parts = parts
  }

  /** Resolves once SQS has it; rejects with `CopyFailure`. */
  send(outgoing: Outgoing): Promise<void> {
    const waiting: Waiting = {
      ...outgoing,
      lane: outgoing.ids.deduplicationId === undefined ? undefined : outgoing.ids.groupId,
      bytes: outgoing.body.length,
      sent: deferred(),
      addedAt: performance.now(),
      sentAt: undefined,
      wasSent: false,
      failure: '',
    }
    this.#waiting.add(waiting)
    this.#flushSoon()
    return waiting.sent.promise
  }

  /** Resolves once nothing waits any more. */
  async drained(): Promise<void> {
    while (this.#waiting.size > 0 || this.#away > 0) await Promise.all(this.#all)
  }

  /** Time in line counts only while nothing moves, so that any number of calls that are not awaited are all sent. */
  #leftMs({ deadlineMs, addedAt, sentAt }: Waiting): number {
    const since = sentAt ?? Math.max(addedAt, this.#movedAt)
    return deadlineMs - (performance.now() - since)
  }

  /** Half of a deadline at most, so that a call that hangs leaves time for another. */
  #callMs(batch: readonly Waiting[]): number {
    const each = batch.map((waiting) => Math.min(waiting.deadlineMs / 2, this.#leftMs(waiting)))
    return Math.round(Math.min(LONGEST_CALL_MS, Math.max(SHORTEST_CALL_MS, ...each)))
  }

  #flushSoon(): void {
    if (this.#isFlushDue || this.#isPausing) return
    this.#isFlushDue = true
    setImmediate(() => {
      this.#isFlushDue = false
      this.#flush()
    })
  }

  #flush(): void {
    while (this.#away < this.#mostAway && !this.#isPausing) {
      const isWorthIt = this.#away === 0 || this.#waiting.size >= BATCH.messages
      const batch = isWorthIt ? this.#waiting.take(BATCH) : []
      if (batch.length === 0) return
      this.#away += 1
      const work = this.#sendBatch(batch).finally(() => {
        this.#away -= 1
        this.#all.delete(work)
        this.#flush()
      })
      this.#all.add(work)
    }
  }

  /** Never rejects: each message of the batch has an outcome of its own. */
  async #sendBatch(batch: readonly Waiting[]): Promise<void> {
    const inTime = batch.filter((waiting) => this.#leftMs(waiting) > 0)
    for (const late of batch) if (!inTime.includes(late)) giveUp(late)
    let again: readonly Waiting[] = []
    try {
      if (inTime.length > 0) again = await this.#tried(inTime)
    } catch (error) {
      again = await this.#afterFailure(inTime, error)
    }
    if (again.length > 0) this.#pause()
    else if (inTime.length > 0) this.#failures = 0
    this.#waiting.done(batch, again)
  }

  /** Sends the batch; answers the messages to send again. */
  async #tried(batch: readonly Waiting[]): Promise<readonly Waiting[]> {
    const place = await this.#parts.place()
    const now = performance.now()
    for (const waiting of batch) {
      waiting.sentAt ??= now
      waiting.wasSent = true
    }
    const answer = await this.#parts.api.call({
      queue: place.predefined,
      timeoutMs: this.#callMs(batch),
      make: (sqs, options) =>
        sqs.sendMessageBatch({ QueueUrl: place.url, Entries: batch.map(entryOf) }, options),
    })
    return this.#settle(batch, answer)
  }

  /** Answers the messages to send again: refused for now, or left out of the answer, which may have arrived all the same. */
  #settle(
    batch: readonly Waiting[],
    { Successful = [], Failed = [] }: Partial<SendMessageBatchResult>,
  ) {
    const again = new Set(batch)
    for (const { Id } of Successful) {
      const waiting = batch[Number(Id)]
      if (waiting === undefined) continue
      again.delete(waiting)
      waiting.sent.resolve()
    }
    if (Successful.length > 0) this.#movedAt = performance.now()
    this.#mostAway = Math.min(MOST_AWAY, this.#mostAway + 1)
    for (const { Id, ...failed } of Failed) {
      const waiting = batch[Number(Id)]
      if (waiting === undefined) continue
      waiting.failure = `${failed.Code ?? 'unknown'}: ${failed.Message ?? ''}`
      waiting.wasSent = false
      if (isEntryWorthRetrying(failed)) continue
      again.delete(waiting)
      waiting.sent.reject(
        new CopyFailure(waiting.failure, { isRefused: true, isUnfit: isMessageUnfit(failed.Code) }),
      )
    }
    return [...again]
  }

  async #afterFailure(batch: readonly Waiting[], error: unknown): Promise<readonly Waiting[]> {
    const failure = failureOf(error)
    for (const waiting of batch) waiting.failure = reasonOf(error)
    if (failure === 'missing') return await this.#revived(batch, error)
    if (failure !== 'refused') return batch
    const [only] = batch
    if (only !== undefined && batch.length === 1) {
      const how = { isRefused: true, isUnfit: isMessageUnfit(codeOf(error)), cause: error }
      only.sent.reject(new CopyFailure(only.failure, how))
      return []
    }
    // One of them spoils the batch, or all are too large together: each goes alone.
    const left = await Promise.all(
      batch.map(async (waiting) => {
        try {
          return await this.#tried([waiting])
        } catch (cause) {
          return await this.#afterFailure([waiting], cause)
        }
      }),
    )
    return left.flat()
  }

  async #revived(batch: readonly Waiting[], error: unknown): Promise<readonly Waiting[]> {
    try {
      await this.#parts.revive()
      return batch
    } catch (cause) {
      const isGone = failureOf(cause) !== 'away'
      for (const { sent } of batch) {
        sent.reject(new CopyFailure(reasonOf(error), { isRefused: isGone, cause }))
      }
      return []
    }
  }

  /** Nothing is sent for a while, so that a server that is away or busy is left alone. */
  #pause(): void {
    this.#failures += 1
    this.#mostAway = Math.max(1, this.#mostAway >> 1)
    if (this.#isPausing) return
    this.#isPausing = true
    const rest = deferred()
    startTimer(backoffDelayMs(BACKOFF, Math.min(this.#failures, 8)), () => {
      this.#isPausing = false
      this.#all.delete(rest.promise)
      rest.resolve()
      this.#flush()
    })
    this.#all.add(rest.promise)
  }
}

function giveUp({ sent, wasSent, failure }: Waiting): void {
  const why = failure === '' ? 'it was not answered before the deadline' : failure
  sent.reject(new CopyFailure(why, { isUnsure: wasSent }))
}

function entryOf({ body, ids, delaySeconds }: Waiting, index: number) {
  return {
    Id: String(index),
    MessageBody: body,
    ...(delaySeconds > 0 && { DelaySeconds: delaySeconds }),
    ...(ids.groupId !== undefined && { MessageGroupId: ids.groupId }),
    ...(ids.deduplicationId !== undefined && { MessageDeduplicationId: ids.deduplicationId }),
  }
}
