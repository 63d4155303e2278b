import { type Backoff, backoffDelayMs } from '../../../async/backoff.ts'
import { sleep } from '../../../async/sleep.ts'
import { failureOf, isExpiredReceipt } from '../connecting/server-errors.ts'
import type { SqsApi } from '../connecting/sqs-api.ts'
import type { QueuePlace } from '../queues/queues.ts'
import { Batches } from './batches.ts'

/**
 * What became of a receipt: `expired` where it is no longer valid, so that another consumer may have the message; `unknown`
 * where the server has not said what became of it.
 */
type ReceiptOutcome = 'done' | 'expired' | 'unknown'

/** What one call says of a receipt; `left-out` where the server answered, and its answer does not name the receipt. */
type Answer = ReceiptOutcome | 'left-out'

interface Open<Item> {
  readonly item: Item
  readonly index: number
  /** By how many answers. */
  leftOut: number
}

interface Visibility {
  readonly receipt: string
  readonly seconds: number
}

interface ReceiptsParts {
  readonly api: SqsApi
  readonly place: QueuePlace
  /** Ends the tries. */
  readonly signal: AbortSignal
}

type Entry = { readonly Id: string }
type BatchAnswer = {
  readonly Successful?: readonly { readonly Id?: string | undefined }[] | undefined
  readonly Failed?:
    | readonly {
        readonly Id?: string | undefined
        readonly Code?: string | undefined
        readonly SenderFault?: boolean | undefined
      }[]
    | undefined
}

const DELETE_LINGER_MS = 5
const VISIBILITY_LINGER_MS = 1
/** Both calls may be made twice: one that hangs is made again before its messages come back. */
const CALL_MS = 3_000
const BACKOFF: Backoff = { initialMs: 100, factor: 2, maxMs: 5_000, jitter: 0.5 }
/** A server that has left a receipt out of so many answers is not asked for it again. */
const MOST_LEFT_OUT = 3

/** Deletes and hides messages of one queue by their receipts, ten in a call. */
export class Receipts {
  readonly #parts: ReceiptsParts
  readonly #deletes: Batches<string>
  readonly #visibilities: Batches<Visibility>

  constructor(parts: ReceiptsParts) {
    this.#parts = parts
    this.#deletes = new Batches({
      lingerMs: DELETE_LINGER_MS,
      call: (receipts) => this.#untilAnswered(receipts, (some) => this.#delete(some)),
    })
    this.#visibilities = new Batches({
      lingerMs: VISIBILITY_LINGER_MS,
      call: async (items) => {
        const answers = await this.#once(items, (some) => this.#change(some))
        return answers.map(outcomeOf)
      },
    })
  }

  /**
   * Tried until the server has said what became of it: a message that may be deleted is neither run nor given up. Answers
   * `unknown` where the tries were ended, or three answers left it out.
   */
  delete(receipt: string): Promise<ReceiptOutcome> {
    return this.#deletes.add(receipt) as Promise<ReceiptOutcome>
  }

  /** Hides it for so long; 0 gives it to others at once. Tried once: by itself it comes back in time. */
  hide(visibility: Visibility): Promise<ReceiptOutcome> {
    return this.#visibilities.add(visibility) as Promise<ReceiptOutcome>
  }

  async drained(): Promise<void> {
    await Promise.all([this.#deletes.drained(), this.#visibilities.drained()])
  }

  async #untilAnswered<Item>(
    items: readonly Item[],
    call: (items: readonly Item[]) => Promise<BatchAnswer>,
  ): Promise<readonly ReceiptOutcome[]> {
    const { signal } = this.#parts
    const outcomes = items.map((): ReceiptOutcome => 'unknown')
    let open = items.map((item, index): Open<Item> => ({ item, index, leftOut: 0 }))
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      const asked = open.map(({ item }) => item)
      const answers = await this.#once(asked, call)
      for (const [at, { index }] of open.entries()) outcomes[index] = outcomeOf(answers[at])
      open = open.filter((one, at) => isOpen(one, answers[at]))
      if (open.length === 0) return outcomes
      await sleep(backoffDelayMs(BACKOFF, attempt), signal).catch(() => undefined)
    }
    return outcomes
  }

  async #once<Item>(
    items: readonly Item[],
    call: (items: readonly Item[]) => Promise<BatchAnswer>,
  ): Promise<readonly Answer[]> {
    try {
      const { Successful = [], Failed = [] } = await call(items)
      const done = new Set(Successful.map(({ Id }) => Id))
      const failed = new Map(Failed.map((failure) => [failure.Id, failure]))
      return items.map((_, index) => {
        const id = String(index)
        return done.has(id) ? 'done' : answerOf(failed.get(id))
      })
    } catch (error) {
      const failure = failureOf(error)
      // A queue that is gone took its messages along; a call that is refused will be refused again.
      const isOver = failure === 'missing' || failure === 'refused'
      return items.map(() => (isOver ? 'expired' : 'unknown'))
    }
  }

  async #delete(receipts: readonly string[]): Promise<BatchAnswer> {
    const { api, place } = this.#parts
    const entries = receipts.map((receipt, index) => ({ ...idOf(index), ReceiptHandle: receipt }))
    return await api.call({
      queue: place.predefined,
      timeoutMs: CALL_MS,
      make: (sqs, options) =>
        sqs.deleteMessageBatch({ QueueUrl: place.url, Entries: entries }, options),
    })
  }

  async #change(items: readonly Visibility[]): Promise<BatchAnswer> {
    const { api, place } = this.#parts
    const entries = items.map(({ receipt, seconds }, index) => ({
      ...idOf(index),
      ReceiptHandle: receipt,
      VisibilityTimeout: seconds,
    }))
    return await api.call({
      queue: place.predefined,
      timeoutMs: CALL_MS,
      make: (sqs, options) =>
        sqs.changeMessageVisibilityBatch({ QueueUrl: place.url, Entries: entries }, options),
    })
  }
}

function idOf(index: number): Entry {
  return { Id: String(index) }
}

function answerOf(
  failure:
    | { readonly Code?: string | undefined; readonly SenderFault?: boolean | undefined }
    | undefined,
): Answer {
  if (failure === undefined) return 'left-out'
  return isExpiredReceipt(failure.Code) || failure.SenderFault === true ? 'expired' : 'unknown'
}

function outcomeOf(answer: Answer = 'unknown'): ReceiptOutcome {
  return answer === 'left-out' ? 'unknown' : answer
}

/** Whether the server is to be asked for it once more. */
function isOpen(one: Open<unknown>, answer: Answer = 'unknown'): boolean {
  if (answer === 'unknown') return true
  if (answer !== 'left-out') return false
  one.leftOut += 1
  return one.leftOut < MOST_LEFT_OUT
}
