import type { Message as SqsMessage } from '@aws-sdk/client-sqs'
import { type Backoff, backoffDelayMs } from '../../../async/backoff.ts'
import type { SqsApi } from '../connecting/sqs-api.ts'
import type { QueuePlace } from '../queues/queues.ts'
import type { SqsSettings } from '../settings/sqs-options.ts'
import { earlier, type Mark, markNow, sinceMs } from './lease-clock.ts'
import type { Receipts } from './receipts.ts'
import type { Received, ReceivedMessages } from './received.ts'

interface PollsParts {
  readonly api: SqsApi
  readonly settings: SqsSettings
  readonly place: () => Promise<QueuePlace>
  readonly messages: ReceivedMessages
  readonly receiptsOf: (place: QueuePlace) => Receipts
  /** Cuts polls off, where the process cannot wait for them. */
  readonly signal: AbortSignal
}

/** What a poll brought. */
export interface Found {
  readonly received: readonly Received[]
  /** How many more there were, whose bodies could not be fetched. */
  readonly left: number
  /** Since when they are hidden from others. */
  readonly at: Mark
  readonly tookMs: number
  /** How long SQS was to wait for a first message. */
  readonly waitMs: number
}

/**
 * A poll that has not ended so long after it should have is cut off. What a slow server had taken for it comes back once its
 * visibility is over, so its answer is worth waiting for; but a queue that is deleted may never answer.
 */
const PATIENCE_MS = { least: 5_000, most: 10_000 }

/** When a message comes again whose body cannot be fetched. */
const AGAIN: Backoff = { initialMs: 5_000, factor: 2, maxMs: 300_000, jitter: 0 }

/** Asks one queue for messages. */
export class Polls {
  readonly #parts: PollsParts

  constructor(parts: PollsParts) {
    this.#parts = parts
  }

  get #patienceMs(): number {
    const { visibilitySeconds } = this.#parts.settings
    return Math.min(PATIENCE_MS.most, Math.max(PATIENCE_MS.least, visibilitySeconds * 1_000))
  }

  /** Waits for a first message as long as the settings say, or for `waitSeconds`. */
  async poll(most: number, waitSeconds?: number): Promise<Found> {
    const { api, settings, signal, messages } = this.#parts
    const place = await this.#parts.place()
    const wait = waitSeconds ?? settings.waitSeconds
    const askedAt = markNow()
    const { Messages = [] } = await api.call({
      queue: place.predefined,
      timeoutMs: wait * 1_000 + this.#patienceMs,
      signal,
      make: (sqs, options) =>
        sqs.receiveMessage(
          {
            QueueUrl: place.url,
            MaxNumberOfMessages: most,
            WaitTimeSeconds: wait,
            // Given each time, as a queue that was created elsewhere may have another.
            VisibilityTimeout: settings.visibilitySeconds,
            MessageSystemAttributeNames: [...settings.systemAttributes] as 'All'[],
            ...(settings.messageAttributes.length > 0 && {
              MessageAttributeNames: [...settings.messageAttributes],
            }),
          },
          options,
        ),
    })
    // The time that others do not see them began when SQS found them, which is as good as now where it answered in time.
    const tookMs = sinceMs(askedAt)
    const at = earlier(markNow(), Math.max(0, tookMs - wait * 1_000))
    const { received, left } = await messages.open(Messages, place)
    for (const message of left) this.#leave(message, place)
    return { received, left: left.length, at, tookMs, waitMs: wait * 1_000 }
  }

  /** To come again soon: its visibility may be hours, and each receive counts, so that each is later than the one before. */
  #leave({ ReceiptHandle, Attributes }: SqsMessage, place: QueuePlace): void {
    const receives = Math.max(1, Number(Attributes?.ApproximateReceiveCount ?? 1))
    const seconds = Math.ceil(backoffDelayMs(AGAIN, receives) / 1_000)
    if (ReceiptHandle === undefined || seconds >= this.#parts.settings.visibilitySeconds) return
    void this.#parts.receiptsOf(place).hide({ receipt: ReceiptHandle, seconds })
  }
}
