import type { Message as SqsMessage } from '@aws-sdk/client-sqs'
import { withDeadline } from '../../../async/with-deadline.ts'
import type { Logger } from '../../../logger.ts'
import { ticketOf, withBody } from '../../../protocol/claim-check.ts'
import type { Claims } from '../../claims.ts'
import { type Opened, openEnvelope } from '../envelope.ts'

/** A message as SQS gave it, and what is in it. */
export interface Received {
  readonly sqs: SqsMessage
  readonly opened: Opened
}

interface OpeningParts {
  readonly queue: string
  readonly isFifo: boolean
  /** Undefined where no body is kept elsewhere. */
  readonly claims: Claims | undefined
  readonly log: Logger
}

/** Its messages are hidden from others meanwhile, and not yet extended. */
const CLAIM_PATIENCE_MS = 5_000

/**
 * Opens what was received, and fetches the bodies that are kept elsewhere. A message whose body cannot be fetched is left,
 * and comes again; of a FIFO queue nothing of the same answer is given out then, so that nothing overtakes it.
 */
export async function openReceived(
  messages: readonly SqsMessage[],
  parts: OpeningParts,
): Promise<readonly Received[]> {
  const received = messages.map((sqs) => ({
    sqs,
    opened: openEnvelope(sqs.Body ?? '', parts.queue),
  }))
  const { claims } = parts
  if (claims === undefined) return received
  const whole = await Promise.all(received.map((one) => redeemed(one, claims, parts)))
  if (parts.isFifo && whole.includes(undefined)) return []
  return whole.flatMap((one) => one ?? [])
}

async function redeemed(
  received: Received,
  claims: Claims,
  { queue, log }: OpeningParts,
): Promise<Received | undefined> {
  const { message } = received.opened
  const ticket = ticketOf(message)
  if (ticket === undefined) return received
  try {
    const late = (): Error => new Error(`no answer within ${CLAIM_PATIENCE_MS} ms`)
    const body = await withDeadline(claims.get(ticket.claim), CLAIM_PATIENCE_MS, late)
    // It is gone: the reader refuses the ticket, which is kept with the reason.
    if (body === undefined) return received
    const whole = withBody(message, ticket, body)
    return { ...received, opened: { ...received.opened, message: whole } }
  } catch (error) {
    const about = { queue, taskId: message.headers.id, err: error }
    log.warn(about, 'cannot fetch the body of a message from the database, it comes again')
    return undefined
  }
}
