import type { Message as SqsMessage } from '@aws-sdk/client-sqs'
import type { Logger } from '../../../logger.ts'
import { ticketOf, withBody } from '../../../protocol/claim-check.ts'
import type { Claims } from '../../claims.ts'
import { type Opened, openEnvelope } from '../messages/envelope.ts'
import { unseal } from '../messages/sealed-body.ts'
import { ClaimedBodies } from './claimed-bodies.ts'

/** A message as SQS gave it, and what is in it. */
export interface Received {
  readonly sqs: SqsMessage
  readonly opened: Opened
}

interface Answer {
  readonly received: readonly Received[]
  /** Messages whose body cannot be fetched now: they are to come again soon. */
  readonly left: readonly SqsMessage[]
}

interface Queue {
  readonly queue: string
  readonly isFifo: boolean
}

interface ReceivedMessagesParts {
  /** Undefined where no body is kept elsewhere. */
  readonly claims: Claims | undefined
  readonly log: Logger
}

/** Opens what was received, and fetches the bodies that are kept elsewhere. */
export class ReceivedMessages {
  readonly #log: Logger
  readonly #bodies: ClaimedBodies | undefined
  #isAway: boolean = false

  constructor({ claims, log }: ReceivedMessagesParts) {
    this.#log = log
    this.#bodies = claims && new ClaimedBodies(claims)
  }

  /** Of a FIFO queue nothing is given out where a body cannot be fetched, so that nothing overtakes it. */
  async open(messages: readonly SqsMessage[], { queue, isFifo }: Queue): Promise<Answer> {
    const received = messages.map((sqs) => ({ sqs, opened: openEnvelope(sqs.Body ?? '', queue) }))
    const bodies = this.#bodies
    if (bodies === undefined) return { received, left: [] }
    const whole = await Promise.all(received.map((one) => this.#redeemed(one, bodies, queue)))
    const left = messages.filter((_, index) => whole[index] === undefined)
    if (isFifo && left.length > 0) return { received: [], left: messages }
    return { received: whole.flatMap((one) => one ?? []), left }
  }

  async #redeemed(received: Received, bodies: ClaimedBodies, queue: string) {
    const { message } = received.opened
    const ticket = ticketOf(message)
    if (ticket === undefined) return received
    try {
      const kept = await bodies.get(ticket.claim)
      this.#reached()
      const body = kept && (await opened(kept, ticket.key))
      // It is gone, or not this message's: the reader refuses the ticket, which is kept with the reason.
      if (body === undefined) return received
      const whole = withBody(message, ticket, body)
      return { ...received, opened: { ...received.opened, message: whole } }
    } catch (error) {
      this.#away(error, { queue, taskId: message.headers.id })
      return undefined
    }
  }

  /** Once for each outage, for any number of messages. */
  #away(error: unknown, about: object): void {
    if (this.#isAway) return
    this.#isAway = true
    this.#log.warn(
      { ...about, err: error },
      'cannot fetch the bodies of messages from the database, they come again',
    )
  }

  #reached(): void {
    if (!this.#isAway) return
    this.#isAway = false
    this.#log.info('the bodies of messages can be fetched from the database again')
  }
}

/** Undefined where the key does not open it. */
async function opened(kept: Buffer, key: string | undefined): Promise<Buffer | undefined> {
  return key === undefined ? kept : await unseal(kept, key).catch(() => undefined)
}
