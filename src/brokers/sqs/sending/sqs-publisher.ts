import { withDeadline } from '../../../async/with-deadline.ts'
import { BrokerError, PartlyPublishedError } from '../../../errors.ts'
import type { Message, Route } from '../../../protocol/message.ts'
import { textOfError } from '../../../text-of-error.ts'
import type { PublishOptions } from '../../broker.ts'
import {
  messageUnroutable,
  messageUnwritable,
  publishRefused,
  routeText,
} from '../../broker-errors.ts'
import type { Claims } from '../../claims.ts'
import type { SqsApi } from '../connecting/sqs-api.ts'
import { type BodyEncoding, envelope } from '../messages/envelope.ts'
import { isFifo } from '../queues/queue-name.ts'
import type { QueuePlace, SqsQueues } from '../queues/queues.ts'
import type { Routing, Target } from '../queues/routing.ts'
import { delayOf, LONGEST_DELAY_MS } from './delay.ts'
import { LargeBodies, nameOf } from './large-bodies.ts'
import { acceptable, messageIds, type Sent, sentOf } from './message-ids.ts'
import { CopyFailure, Outbox } from './outbox.ts'

interface SqsPublisherParts {
  readonly api: SqsApi
  readonly queues: SqsQueues
  readonly routing: Routing
  readonly isBase64: boolean
  readonly bodyEncoding: BodyEncoding
  readonly claims: Claims | undefined
  readonly safeUrl: string
  /** Brings a queue back that was declared here, else rejects. */
  readonly revive: (queue: string) => Promise<unknown>
}

const DEADLINE_MS = 5_000
const MOST_BYTES = 1_048_576

/** Publishes to every queue that a route leads to: SQS has no exchange that would. */
export class SqsPublisher {
  readonly #parts: SqsPublisherParts
  readonly #large: LargeBodies | undefined
  readonly #outboxes = new Map<string, Outbox>()

  constructor(parts: SqsPublisherParts) {
    this.#parts = parts
    const { claims, safeUrl } = parts
    this.#large = claims && new LargeBodies({ claims, safeUrl })
  }

  /** The mirror has its copy before another queue gets one; if a send fails, the error names the queues that have theirs. */
  async publish(message: Message, route: Route, options: PublishOptions = {}): Promise<void> {
    const targets = this.#targets(route)
    const sent = sentOf(message, options)
    const { deadlineMs: givenMs = DEADLINE_MS } = options
    const { body, tookMs } = await this.#bodyOf(sent, route, { deadlineMs: givenMs, targets })
    const deadlineMs = Math.max(0, givenMs - tookMs)
    const arrived: string[] = []
    const send = async ({ queue, isMirror }: Target): Promise<void> => {
      const { isFifo } = await this.#placeOf(queue, route, deadlineMs)
      const delayMs = isMirror ? 0 : delayOf(message, { asked: options.delayMs, isFifo })
      const ids = messageIds(sent, { isFifo, isMirror })
      await this.#outbox(queue).send({
        body,
        ids,
        delaySeconds: Math.ceil(delayMs / 1_000),
        deadlineMs,
      })
      arrived.push(queue)
    }
    await this.#inOrder(targets, send, (error, queue) =>
      this.#failure(error, { queue, route, targets, arrived }),
    )
  }

  /** A message as it came, to one queue, for later: what is due after more than a quarter of an hour comes and goes. */
  async sendText(
    body: string,
    { queue, delayMs, groupId }: { queue: string; delayMs: number; groupId: string | undefined },
  ): Promise<void> {
    await this.#outbox(queue).send({
      body,
      ids: groupId === undefined ? {} : { groupId: acceptable(groupId) },
      delaySeconds: Math.ceil(Math.min(delayMs, LONGEST_DELAY_MS) / 1_000),
      deadlineMs: DEADLINE_MS,
    })
  }

  async drained(): Promise<void> {
    await Promise.all([...this.#outboxes.values()].map((outbox) => outbox.drained()))
  }

  async #inOrder(
    targets: readonly Target[],
    send: (target: Target) => Promise<void>,
    failure: (error: unknown, queue: string) => unknown,
  ): Promise<void> {
    const mirrors = targets.filter(({ isMirror }) => isMirror)
    const others = targets.filter(({ isMirror }) => !isMirror)
    for (const group of [mirrors, others]) {
      const outcomes = await Promise.allSettled(group.map(send))
      const at = outcomes.findIndex(({ status }) => status === 'rejected')
      const outcome = outcomes[at]
      if (outcome?.status === 'rejected') throw failure(outcome.reason, group[at]?.queue ?? '')
    }
  }

  #targets(route: Route): readonly Target[] {
    const { routing, safeUrl } = this.#parts
    const targets = routing.targets(route)
    if (targets === undefined) {
      throw publishRefused(route, safeUrl, {
        reason: 'the exchange was not declared by this process, which keeps it on SQS',
      })
    }
    if (targets.length === 0) throw messageUnroutable(route, safeUrl)
    return targets
  }

  #envelopeOf(message: Message, route: Route): string {
    const { safeUrl, isBase64, bodyEncoding } = this.#parts
    const { expiration } = message.properties
    if (expiration !== undefined && !/^\d+$/.test(expiration)) {
      const reason = `its expiration is "${expiration}", expected whole milliseconds`
      throw messageUnwritable(route, safeUrl, { reason })
    }
    try {
      // kombu's text is ASCII, so that its length is its size.
      return envelope(message, route, { isBase64, bodyEncoding })
    } catch (cause) {
      const reason = textOfError(cause)
      throw messageUnwritable(route, safeUrl, { reason, cause })
    }
  }

  /** As it is sent; a body that is too large is kept elsewhere, and a ticket for it is sent. */
  async #bodyOf(sent: Sent, route: Route, { deadlineMs, targets }: BodyParts): Promise<Body> {
    const { message } = sent
    const groups = groupsOf(sent, targets)
    const text = this.#envelopeOf(message, route)
    if (text.length <= MOST_BYTES) {
      await this.#large?.turn(groups)
      return { body: text, tookMs: 0 }
    }
    if (this.#large === undefined) throw this.#tooLarge(message, route, text.length)
    const { ticket, tookMs } = await this.#large.keep(message, { deadlineMs, groups })
    // Headers have a limit of their own, far below.
    return { body: this.#envelopeOf(ticket, route), tookMs }
  }

  #tooLarge(message: Message, route: Route, bytes: number): BrokerError {
    const reason = `${nameOf(message)} takes ${bytes} bytes on SQS, whose limit is ${MOST_BYTES}; pass a reference to what is large, or set CLAIM_CHECK ("Size" in docs/sqs.md)`
    return messageUnwritable(route, this.#parts.safeUrl, { reason })
  }

  async #placeOf(queue: string, route: Route, deadlineMs: number): Promise<QueuePlace> {
    const late = (): Error => new CopyFailure(`SQS gave no url of queue "${queue}" in time`, {})
    try {
      return await withDeadline(this.#parts.queues.place(queue), deadlineMs, late)
    } catch (error) {
      const isMissing = error instanceof BrokerError && error.code === 'QUEUE_MISSING'
      if (!isMissing) throw error
      throw messageUnroutable(route, this.#parts.safeUrl)
    }
  }

  #outbox(queue: string): Outbox {
    const { api, queues, revive } = this.#parts
    let outbox = this.#outboxes.get(queue)
    if (outbox === undefined) {
      outbox = new Outbox({
        queue,
        api,
        place: () => queues.place(queue),
        revive: () => revive(queue),
      })
      this.#outboxes.set(queue, outbox)
    }
    return outbox
  }

  #failure(error: unknown, { queue, route, targets, arrived }: FailureContext): unknown {
    const failure = this.#brokerError(error, queue, route)
    if (arrived.length === 0 || !(failure instanceof BrokerError)) return failure
    const missing = targets.map((target) => target.queue).filter((name) => !arrived.includes(name))
    return new PartlyPublishedError(failure, { arrived: [...arrived], missing })
  }

  #brokerError(error: unknown, queue: string, route: Route): unknown {
    if (!(error instanceof CopyFailure)) return error
    const { safeUrl } = this.#parts
    if (error.isRefused) {
      const refused = error.isUnfit ? messageUnwritable : publishRefused
      return refused(route, safeUrl, {
        reason: `queue "${queue}": ${error.message}`,
        cause: error.cause ?? error,
      })
    }
    const what = `the message for ${routeText(route)} on ${safeUrl}`
    return error.isUnsure
      ? new BrokerError(
          'PUBLISH_UNCONFIRMED',
          `${what} was not confirmed for queue "${queue}" in time: ${error.message}`,
          { cause: error },
        )
      : new BrokerError(
          'BROKER_UNREACHABLE',
          `${what} could not be sent to queue "${queue}" in time: ${error.message}`,
          { cause: error },
        )
  }
}

/** Only a FIFO queue keeps an order, and only within a group. */
function groupsOf(sent: Sent, targets: readonly Target[]): readonly string[] {
  return targets
    .filter(({ queue }) => isFifo(queue))
    .flatMap(({ isMirror }) => messageIds(sent, { isFifo: true, isMirror }).groupId ?? [])
}

interface Body {
  readonly body: string
  /** How much of the deadline it took to keep it elsewhere. */
  readonly tookMs: number
}

interface BodyParts {
  readonly deadlineMs: number
  readonly targets: readonly Target[]
}

interface FailureContext {
  readonly queue: string
  readonly route: Route
  readonly targets: readonly Target[]
  readonly arrived: readonly string[]
}
