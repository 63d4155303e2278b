import { type Backoff, retry } from '../../../async/backoff.ts'
import { BrokerError } from '../../../errors.ts'
import type { Queue } from '../../../protocol/routing/topology.ts'
import { queueMissing } from '../../broker-errors.ts'
import { deadLetterQueue, isDeadLetterQueue } from '../../dead-letters/dead-letter-queue.ts'
import { failureOf, reasonOf } from '../connecting/server-errors.ts'
import type { SqsApi } from '../connecting/sqs-api.ts'
import type { PredefinedQueue } from '../settings/predefined-queues.ts'
import type { SqsSettings } from '../settings/sqs-options.ts'
import { isFifo, requireQueueName, sqsQueueName } from './queue-name.ts'

interface SqsQueuesParts {
  readonly api: SqsApi
  readonly settings: SqsSettings
  readonly safeUrl: string
  /** How long a first answer is waited for. */
  readonly connectTimeoutMs: number
}

/** Where a queue is on SQS. */
export interface QueuePlace {
  /** As it is called here. */
  readonly queue: string
  readonly name: string
  readonly url: string
  readonly isFifo: boolean
  readonly predefined: PredefinedQueue | undefined
}

const BACKOFF: Backoff = { initialMs: 200, factor: 2, maxMs: 5_000, jitter: 0.5 }
/** A first call that hangs leaves a publish time to ask again; the next ones have longer, for a server that is slow. */
const FIRST_CALL_MS = 2_000
const LONGEST_CALL_MS = 10_000
/** As kombu: a policy that is given to a queue counts within this time. */
const REDRIVE_KNOWN_MS = 300_000

/** The urls of queues, asked for one by one: ListQueues needs a permission of its own, and returns 1,000 queues at most. */
export class SqsQueues {
  readonly #parts: SqsQueuesParts
  readonly #places = new Map<string, Promise<QueuePlace>>()
  readonly #redrives = new Map<string, { readonly has: boolean; readonly at: number }>()

  constructor(parts: SqsQueuesParts) {
    this.#parts = parts
  }

  /** Rejects with QUEUE_MISSING where there is no such queue. */
  place(queue: string): Promise<QueuePlace> {
    return this.#remembered(queue, () => this.#find(queue))
  }

  /** Looks the queue up, and creates it where it is missing and may be. */
  async declare({ name, exclusive, autoDelete }: Queue): Promise<void> {
    if (exclusive || autoDelete) {
      throw new BrokerError(
        'DECLARE_REFUSED',
        `the queue "${name}" cannot be declared: it would end with its connection, which no queue of SQS does`,
      )
    }
    await this.#remembered(name, async () => {
      try {
        return await this.#find(name)
      } catch (error) {
        const mayCreate = this.#parts.settings.createsQueues && this.#predefined(name) === undefined
        const isMissing = error instanceof BrokerError && error.code === 'QUEUE_MISSING'
        if (!isMissing || !mayCreate || this.#parts.settings.predefined.size > 0) throw error
        return await this.#create(name)
      }
    })
  }

  /** It may have been deleted. */
  forget(queue: string): void {
    this.#places.delete(queue)
  }

  /** Whether SQS itself moves what is received too often; where that may not be asked, it is left to SQS as in kombu. */
  async hasRedrive(place: QueuePlace): Promise<boolean> {
    const known = this.#redrives.get(place.url)
    if (known !== undefined && performance.now() - known.at < REDRIVE_KNOWN_MS) return known.has
    try {
      const { Attributes = {} } = await this.#parts.api.call({
        queue: place.predefined,
        make: (sqs, options) =>
          sqs.getQueueAttributes(
            { QueueUrl: place.url, AttributeNames: ['RedrivePolicy'] },
            options,
          ),
      })
      const has = (Attributes.RedrivePolicy ?? '') !== ''
      this.#redrives.set(place.url, { has, at: performance.now() })
      return has
    } catch (error) {
      const isForbidden = failureOf(error) === 'refused'
      if (isForbidden) this.#redrives.set(place.url, { has: true, at: performance.now() })
      return true
    }
  }

  #remembered(queue: string, find: () => Promise<QueuePlace>): Promise<QueuePlace> {
    let place = this.#places.get(queue)
    if (place === undefined) {
      place = find()
      this.#places.set(queue, place)
      place.catch(() => this.#places.delete(queue))
    }
    return place
  }

  async #find(queue: string): Promise<QueuePlace> {
    const { settings, api, safeUrl } = this.#parts
    const predefined = this.#predefined(queue)
    const name = sqsQueueName(queue, settings.prefix)
    const place = { queue, name, isFifo: isFifo(name), predefined }
    if (predefined !== undefined) return { ...place, url: predefined.url }
    if (settings.predefined.size > 0) {
      const cause = new Error(
        `"${name}" is not in predefined_queues, and no other queue may be used`,
      )
      throw queueMissing(queue, safeUrl, cause)
    }
    requireQueueName(queue, name)
    const url = await this.#patiently(queue, async (timeoutMs) => {
      const found = await api.call({
        queue: undefined,
        timeoutMs,
        make: (sqs, options) => sqs.getQueueUrl({ QueueName: name }, options),
      })
      return urlIn(found)
    })
    return { ...place, url }
  }

  async #create(queue: string): Promise<QueuePlace> {
    const { settings, api } = this.#parts
    const name = sqsQueueName(queue, settings.prefix)
    const attributes = {
      VisibilityTimeout: String(settings.visibilitySeconds),
      // Many groups, each ordered and free of doubles by itself: the throughput of SQS is a group's.
      ...(isFifo(name) && {
        FifoQueue: 'true',
        DeduplicationScope: 'messageGroup',
        FifoThroughputLimit: 'perMessageGroupId',
      }),
      ...(await this.#redrivePolicy(queue)),
      ...settings.creationAttributes,
    }
    const tags = Object.keys(settings.tags).length > 0 ? { tags: settings.tags } : {}
    const url = await this.#patiently(queue, async (timeoutMs) => {
      const created = await api.call({
        queue: undefined,
        timeoutMs,
        make: (sqs, options) =>
          sqs.createQueue({ QueueName: name, Attributes: attributes, ...tags }, options),
      })
      return urlIn(created)
    })
    return { queue, name, url, isFifo: isFifo(name), predefined: undefined }
  }

  /** With `max_receives`: the queue of dead letters is made first, as the policy names it. */
  async #redrivePolicy(queue: string): Promise<Readonly<Record<string, string>>> {
    const { settings, api } = this.#parts
    if (settings.maxReceives === undefined || isDeadLetterQueue(queue)) return {}
    await this.declare({
      name: deadLetterQueue(queue),
      durable: true,
      exclusive: false,
      autoDelete: false,
      arguments: {},
    })
    const dead = await this.place(deadLetterQueue(queue))
    const { Attributes = {} } = await api.call({
      queue: undefined,
      make: (sqs, options) =>
        sqs.getQueueAttributes({ QueueUrl: dead.url, AttributeNames: ['QueueArn'] }, options),
    })
    const policy = {
      deadLetterTargetArn: Attributes.QueueArn,
      maxReceiveCount: settings.maxReceives,
    }
    return { RedrivePolicy: JSON.stringify(policy) }
  }

  /** As kombu names them: as they are on SQS, prefix included; and, for those that have no prefix, as they are here. */
  #predefined(queue: string): PredefinedQueue | undefined {
    const { predefined, prefix } = this.#parts.settings
    return predefined.get(sqsQueueName(queue, prefix)) ?? predefined.get(queue)
  }

  async #patiently<T>(queue: string, ask: (timeoutMs: number) => Promise<T>): Promise<T> {
    const askFor = (attempt: number): Promise<T> =>
      ask(Math.min(LONGEST_CALL_MS, attempt * FIRST_CALL_MS))
    try {
      return await retry(askFor, {
        backoff: BACKOFF,
        withinMs: this.#parts.connectTimeoutMs,
        onFailure: ({ cause }) => {
          const failure = failureOf(cause)
          if (failure === 'missing' || failure === 'refused') throw cause
        },
      })
    } catch (error) {
      throw this.#explained(queue, error)
    }
  }

  #explained(queue: string, error: unknown): unknown {
    if (error instanceof BrokerError) return error
    const { safeUrl } = this.#parts
    switch (failureOf(error)) {
      case 'missing':
        return queueMissing(queue, safeUrl, error)
      case 'refused':
        return new BrokerError(
          'DECLARE_REFUSED',
          `the queue "${queue}" on ${safeUrl} cannot be looked up or created: ${reasonOf(error)}`,
          { cause: error },
        )
      default:
        return new BrokerError(
          'BROKER_UNREACHABLE',
          `${safeUrl} cannot be reached: ${reasonOf(error)}`,
          { cause: error },
        )
    }
  }
}

function urlIn({ QueueUrl }: { readonly QueueUrl?: string | undefined }): string {
  if (QueueUrl === undefined) throw new Error('the answer has no url of a queue')
  return QueueUrl
}
