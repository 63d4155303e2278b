import type { Message as AmqpMessage, ConfirmChannel } from 'amqplib'
import { Deque } from '../../../async/deque.ts'
import { PassingSet } from '../../../async/passing.ts'
import type { BrokerError } from '../../../errors.ts'
import { textOfError } from '../../../text-of-error.ts'
import { messageUnroutable, messageUnwritable } from '../../broker-errors.ts'
import { missingExchange } from '../connecting/server-errors.ts'
import { isReturnOf, type Outgoing, refusedByServer, send } from './outgoing.ts'

/** So much may be on its way unconfirmed: enough to keep a server busy, and few enough that their confirms come in time. */
const MOST_SENT = 2_000
const MOST_SENT_BYTES = 16 * 1024 * 1024

/** A message whose own confirm never comes is given up in the end, though the server is at work. */
const MOST_RENEWALS = 5
const LONGEST_WAIT_MS = 30_000

const nextTurn = setImmediate

/**
 * Every publish from its call to its confirm: a bounded number on their way, the others in line. What a lost channel
 * left unconfirmed is sent again over the next one, so nothing is dropped; the broker may see a message twice, never
 * not at all. The deadline of a message counts from its write to the socket, and for a while again from each sign that the
 * server is at work; in line, from when the line moved last.
 */
export class Outbox {
  readonly #safeUrl: string
  readonly #onEmpty: () => void
  readonly #waiting = new Deque<Outgoing>()
  readonly #sent = new PassingSet<Outgoing>()
  /** Those of `#sent` that may still come back as unroutable. */
  readonly #returnable = new PassingSet<Outgoing>()
  /** Sent in this turn of the event loop, in which nothing is written yet. */
  #unwritten: Outgoing[] = []
  #sentBytes = 0
  /** When the server took or confirmed something last. */
  #movedAt = Number.NEGATIVE_INFINITY
  #mostDeadlineMs = Number.POSITIVE_INFINITY
  #channel: ConfirmChannel | undefined
  #isFull: boolean = false
  /** So many of those that wait go one by one, since one of them has ended a channel. */
  #suspects = 0
  #unsettled = 0

  constructor(safeUrl: string, onEmpty: () => void) {
    this.#safeUrl = safeUrl
    this.#onEmpty = onEmpty
  }

  get size(): number {
    return this.#unsettled
  }

  add(outgoing: Outgoing): void {
    this.#unsettled += 1
    if (this.#mayGoAtOnce) this.#send(outgoing)
    else this.#waiting.push(outgoing)
  }

  /** From now on, messages go over this channel, those that wait first. */
  attach(channel: ConfirmChannel): void {
    this.#channel = channel
    this.#isFull = false
    this.#moved()
    channel.on('drain', () => {
      this.#isFull = false
      this.#moved()
      this.#pump()
    })
    channel.on('return', (returned) => this.#onReturn(returned))
    this.#pump()
  }

  /**
   * The channel is gone, ended by `refusal` where the server closed it because of a message. What it carried, and all that is in
   * line, has its whole deadline again, as a server that has fallen silent took up most of the first.
   */
  detach(refusal?: Error): void {
    this.#channel = undefined
    this.#moved()
    const unsure = [...this.#sent]
    this.#sent.clear()
    this.#sentBytes = 0
    this.#returnable.clear()
    const innocent = refusal === undefined ? unsure : this.#refuse(unsure, refusal)
    for (const outgoing of innocent) {
      outgoing.isReturned = false
      outgoing.overdueAt = Number.POSITIVE_INFINITY
    }
    this.#waiting.toFront(innocent)
  }

  /** Gives up what is overdue; answers when the next one will be. */
  expire(now: number, errorOf: (outgoing: Outgoing) => BrokerError): number {
    let next = Number.POSITIVE_INFINITY
    const isDue = (outgoing: Outgoing): boolean => {
      if (outgoing.isSettled) return true
      const overdueAt = this.#overdueAt(outgoing, now)
      if (overdueAt > now) {
        next = Math.min(next, overdueAt)
        return false
      }
      this.#settle(outgoing, errorOf(outgoing))
      return true
    }
    this.#waiting.filter((outgoing) => !isDue(outgoing))
    for (const outgoing of this.#sent) if (isDue(outgoing)) this.#forget(outgoing)
    this.#pump()
    return next
  }

  /** The server has shown that it is at work. */
  heard(): void {
    this.#moved()
  }

  /** For so long this process heard nothing, as its event loop was busy: no fault of the server. */
  postpone(ms: number): void {
    this.#movedAt += ms
    for (const outgoing of this.#sent) outgoing.overdueAt += ms
  }

  /** Nothing waits for longer than this from now on. */
  limitDeadlines(mostMs: number): void {
    this.#mostDeadlineMs = mostMs
    const latest = performance.now() + mostMs
    for (const outgoing of this.#sent) outgoing.overdueAt = Math.min(outgoing.overdueAt, latest)
  }

  #overdueAt(outgoing: Outgoing, now: number): number {
    const isSent = this.#sent.has(outgoing)
    if (isSent && outgoing.overdueAt < Number.POSITIVE_INFINITY) return this.#renewed(outgoing)
    // What is not written yet will not be overdue sooner than if it were written now.
    const sinceMs = isSent ? now : Math.max(outgoing.addedAt, this.#movedAt)
    return sinceMs + Math.min(outgoing.deadlineMs, this.#mostDeadlineMs)
  }

  #renewed({ overdueAt, deadlineMs }: Outgoing): number {
    if (this.#mostDeadlineMs < Number.POSITIVE_INFINITY) return overdueAt
    const longerMs = Math.min(MOST_RENEWALS * deadlineMs, LONGEST_WAIT_MS - deadlineMs)
    return Math.max(overdueAt, Math.min(overdueAt + longerMs, this.#movedAt + deadlineMs))
  }

  get #mayGoAtOnce(): boolean {
    return this.#waiting.size === 0 && this.#channel !== undefined && this.#mayGoNext
  }

  get #mayGoNext(): boolean {
    if (this.#sent.size === 0) return !this.#isFull
    const hasRoom = this.#sent.size < MOST_SENT && this.#sentBytes < MOST_SENT_BYTES
    return hasRoom && !this.#isFull && this.#suspects === 0
  }

  #pump(): void {
    while (this.#channel !== undefined && this.#mayGoNext) {
      const next = this.#waiting.shift()
      if (next === undefined) break
      if (next.isSettled) continue
      this.#send(next)
    }
    if (this.#waiting.size === 0 && this.#sent.size === 0) this.#suspects = 0
  }

  #send(outgoing: Outgoing): void {
    const channel = this.#channel
    if (channel === undefined) return
    this.#sent.add(outgoing)
    this.#sentBytes += outgoing.message.body.length
    this.#markUnwritten(outgoing)
    if (outgoing.mandatory) this.#returnable.add(outgoing)
    try {
      const hasRoom = send(channel, outgoing, (error) => {
        // A channel that ended reports its unconfirmed messages as failed; they have moved on.
        if (channel === this.#channel) this.#onConfirm(outgoing, error)
      })
      if (!hasRoom) this.#isFull = true
    } catch (cause) {
      this.#onSendError(outgoing, cause)
    }
  }

  /** Written at the end of this turn, or later where the turn takes long. */
  #markUnwritten(outgoing: Outgoing): void {
    outgoing.overdueAt = Number.POSITIVE_INFINITY
    this.#unwritten.push(outgoing)
    if (this.#unwritten.length > 1) return
    nextTurn(() => {
      const now = performance.now()
      const written = this.#unwritten
      this.#unwritten = []
      for (const each of written) {
        each.overdueAt = now + Math.min(each.deadlineMs, this.#mostDeadlineMs)
      }
    })
  }

  #moved(): void {
    this.#movedAt = performance.now()
  }

  #onSendError(outgoing: Outgoing, cause: unknown): void {
    this.#forget(outgoing)
    if (cause instanceof Error && cause.name === 'IllegalOperationError') {
      // The channel has just ended and its close event is on its way.
      this.#channel = undefined
      this.#waiting.toFront([outgoing])
      return
    }
    const reason = textOfError(cause)
    this.#settle(outgoing, messageUnwritable(outgoing.route, this.#safeUrl, { reason, cause }))
  }

  #onConfirm(outgoing: Outgoing, error: unknown): void {
    this.#moved()
    this.#forget(outgoing)
    if (this.#suspects > 0) this.#suspects -= 1
    if (error) this.#settle(outgoing, refusedByServer(outgoing, this.#safeUrl, error))
    else if (outgoing.isReturned) {
      this.#settle(outgoing, messageUnroutable(outgoing.route, this.#safeUrl))
    } else this.#settle(outgoing)
    if (this.#waiting.size > 0) this.#pump()
  }

  // The broker sends a message back before it confirms it, so the mark is there when the confirm comes.
  #onReturn(returned: AmqpMessage): void {
    for (const outgoing of this.#returnable) {
      if (!isReturnOf(returned, outgoing)) continue
      outgoing.isReturned = true
      this.#returnable.delete(outgoing)
      return
    }
  }

  /** Refuses the messages that ended the channel, and answers the others. */
  #refuse(unsure: readonly Outgoing[], refusal: Error): Outgoing[] {
    const exchange = missingExchange(refusal)
    const culprits =
      unsure.length === 1 ? unsure : unsure.filter(({ route }) => route.exchange === exchange)
    for (const culprit of culprits) {
      this.#settle(culprit, refusedByServer(culprit, this.#safeUrl, refusal))
    }
    const innocent = unsure.filter((outgoing) => !outgoing.isSettled)
    // Which one it was is unknown: the next time a channel ends, only one will be on its way.
    this.#suspects = culprits.length > 0 ? Math.max(0, this.#suspects - 1) : innocent.length
    return innocent
  }

  #forget(outgoing: Outgoing): void {
    if (this.#sent.delete(outgoing)) this.#sentBytes -= outgoing.message.body.length
    if (outgoing.mandatory) this.#returnable.delete(outgoing)
  }

  #settle(outgoing: Outgoing, error?: BrokerError): void {
    if (outgoing.isSettled) return
    outgoing.isSettled = true
    this.#unsettled -= 1
    outgoing.settle(error)
    if (this.#unsettled === 0) this.#onEmpty()
  }
}
