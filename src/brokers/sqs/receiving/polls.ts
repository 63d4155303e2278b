import type { Message as SqsMessage } from '@aws-sdk/client-sqs'
import type { SqsApi } from '../calls/sqs-api.ts'
import type { QueuePlace } from '../queues.ts'
import type { SqsSettings } from '../settings/sqs-options.ts'

export interface PollsParts {
  readonly api: SqsApi
  readonly settings: SqsSettings
  readonly place: () => Promise<QueuePlace>
  /** Cuts polls off, where the process cannot wait for them. */
  readonly signal: AbortSignal
}

/** A poll that has not ended so long after it should have is cut off. */
const PATIENCE_MS = 5_000

/** Asks one queue for messages. */
export class Polls {
  readonly #parts: PollsParts

  constructor(parts: PollsParts) {
    this.#parts = parts
  }

  /** Waits for a first message as long as the settings say, or for `waitSeconds`. */
  async poll(most: number, waitSeconds?: number): Promise<readonly SqsMessage[]> {
    const { api, settings, signal } = this.#parts
    const place = await this.#parts.place()
    const wait = waitSeconds ?? settings.waitSeconds
    const { Messages = [] } = await api.call({
      queue: place.predefined,
      timeoutMs: wait * 1_000 + PATIENCE_MS,
      signal,
      make: (sqs, options) =>
        sqs.receiveMessage(
          {
            QueueUrl: place.url,
            MaxNumberOfMessages: most,
            WaitTimeSeconds: wait,
            // Given each time, as a queue that somebody else created may have another.
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
