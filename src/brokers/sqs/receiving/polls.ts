import type { Message as SqsMessage } from '@aws-sdk/client-sqs'
import type { SqsApi } from '../calls/sqs-api.ts'
import type { QueuePlace } from '../queues.ts'
import type { SqsSettings } from '../settings/sqs-options.ts'

interface PollsParts {
  readonly api: SqsApi
  readonly settings: SqsSettings
  readonly place: () => Promise<QueuePlace>
  /** Cuts polls off, where the process cannot wait for them. */
  readonly signal: AbortSignal
}

/**
 * A poll that has not ended so long after it should have is cut off. What a slow server had taken for it comes back once its
 * visibility is over, so its answer is worth waiting for; but a queue that is deleted may never answer.
 */
const PATIENCE_MS = { least: 5_000, most: 10_000 }

/** Asks one queue for messages. */
export class Polls {
  readonly #parts: PollsParts

  constructor(parts: PollsParts) {
    this.#parts = parts
  }

  /** How long after its wait a poll that began then and ends now took: its messages have been hidden for that long. */
  overdueMs(tookMs: number): number {
    return Math.max(0, tookMs - this.#parts.settings.waitSeconds * 1_000)
  }

  get #patienceMs(): number {
    const { visibilitySeconds } = this.#parts.settings
    return Math.min(PATIENCE_MS.most, Math.max(PATIENCE_MS.least, visibilitySeconds * 1_000))
  }

  /** Waits for a first message as long as the settings say, or for `waitSeconds`. */
  async poll(most: number, waitSeconds?: number): Promise<readonly SqsMessage[]> {
    const { api, settings, signal } = this.#parts
    const place = await this.#parts.place()
    const wait = waitSeconds ?? settings.waitSeconds
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
    return Messages
  }
}
