import { withDeadline } from '../../../async/with-deadline.ts'
import { BrokerError } from '../../../errors.ts'
import { withTicket } from '../../../protocol/claim-check.ts'
import type { Message } from '../../../protocol/message.ts'
import type { Claims } from '../../claims.ts'
import { reasonOf } from '../connecting/server-errors.ts'
import { seal } from '../messages/sealed-body.ts'
import { keptUntil } from './delay.ts'

interface LargeBodiesParts {
  readonly claims: Claims
  readonly safeUrl: string
}

interface Keeping {
  readonly deadlineMs: number
  /** Groups of FIFO queues that the message goes to. */
  readonly groups: readonly string[]
}

/**
 * Keeps bodies elsewhere that are too large for SQS. What is sent to a FIFO queue after such a message waits, within its group,
 * until the body is kept, so that it does not overtake.
 */
export class LargeBodies {
  readonly #parts: LargeBodiesParts
  /** The last body of each group that is on its way. */
  readonly #underWay = new Map<string, Promise<unknown>>()

  constructor(parts: LargeBodiesParts) {
    this.#parts = parts
  }

  /** Resolves once no body is on its way that was given before, in any of the groups. */
  async turn(groups: readonly string[]): Promise<void> {
    if (this.#underWay.size === 0) return
    await Promise.all(groups.map((group) => this.#underWay.get(group)))
  }

  /** The message with a ticket for its body, and how long that took. */
  async keep(
    message: Message,
    { deadlineMs, groups }: Keeping,
  ): Promise<{ readonly ticket: Message; readonly tookMs: number }> {
    const startedAt = performance.now()
    const before = this.turn(groups)
    const putting = this.#put(message, deadlineMs)
    const over = Promise.allSettled([before, putting]).then(() => {
      for (const group of groups) {
        if (this.#underWay.get(group) === over) this.#underWay.delete(group)
      }
    })
    for (const group of groups) this.#underWay.set(group, over)
    const ticket = await putting
    // Time in line is not its own.
    const tookMs = performance.now() - startedAt
    await before
    return { ticket, tookMs }
  }

  async #put(message: Message, deadlineMs: number): Promise<Message> {
    const { claims, safeUrl } = this.#parts
    const late = (): Error => new Error(`no answer within ${deadlineMs} ms`)
    try {
      const { bytes, key } =
        claims.isSealed === true ? await seal(message.body) : plain(message.body)
      const claim = await withDeadline(claims.put(bytes, keptUntil(message)), deadlineMs, late)
      return withTicket(message, { claim, key })
    } catch (cause) {
      throw notKept(message, safeUrl, cause)
    }
  }
}

function plain(bytes: Buffer): { readonly bytes: Buffer; readonly key: undefined } {
  return { bytes, key: undefined }
}

function notKept(message: Message, safeUrl: string, cause: unknown): BrokerError {
  return new BrokerError(
    'BROKER_UNREACHABLE',
    `the body of ${nameOf(message)} is too large for ${safeUrl}, and cannot be kept in the database of CLAIM_CHECK: ${reasonOf(cause)}`,
    { cause },
  )
}

export function nameOf({ headers: { task, id } }: Message): string {
  return typeof task === 'string' ? `task "${task}" (${String(id)})` : 'the message'
}
