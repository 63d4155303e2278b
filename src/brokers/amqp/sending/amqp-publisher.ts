import type { ChannelModel, ConfirmChannel } from 'amqplib'
import { type Deferred, deferred } from '../../../async/deferred.ts'
import { startTimer, type Timer } from '../../../async/timer.ts'
import type { BrokerError } from '../../../errors.ts'
import type { Logger } from '../../../logger.ts'
import type { Message, Route } from '../../../protocol/message.ts'
import type { PublishOptions, RoutedMessage } from '../../broker.ts'
import type { AmqpConnection } from '../connecting/connection.ts'
import { serverText } from '../connecting/server-errors.ts'
import { Outbox } from './outbox.ts'
import { type Outgoing, unconfirmed } from './outgoing.ts'

const DEADLINE_MS = 5000
const REPLACE_AGAIN_MS = 100
/** Deadlines are looked at no more often than this. */
const LOOK_EVERY_MS = 50
/** So long before messages are given up, it is looked whether the server is at work. */
const LOOK_BEFORE_MS = 2000
/** A timer this late says that the event loop was busy, and that nothing was heard meanwhile. */
const BUSY_MS = 100

const nextTurn = setImmediate

/** Publishes over one confirm channel, and keeps every message until it is confirmed or its deadline has passed. */
export class AmqpPublisher {
  readonly #safeUrl: string
  readonly #log: Logger
  readonly #connection: AmqpConnection
  readonly #outbox: Outbox
  #channel: ConfirmChannel | undefined
  #isAsking = false
  #isLooking = false
  #emptied: Deferred<void> | undefined
  #expiry: { readonly at: number; readonly timer: Timer } | undefined

  constructor(parts: { safeUrl: string; log: Logger; connection: AmqpConnection }) {
    this.#safeUrl = parts.safeUrl
    this.#log = parts.log
    this.#connection = parts.connection
    this.#outbox = new Outbox(parts.safeUrl, () => this.#emptied?.resolve())
  }

  publish(message: Message, route: Route, options: PublishOptions | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#add({ message, route }, options, settler(resolve, reject))
    })
  }

  publishMany(
    messages: readonly RoutedMessage[],
    options: PublishOptions | undefined,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      let open = messages.length
      let failure: BrokerError | undefined
      const settle = (error?: BrokerError): void => {
        open -= 1
        failure ??= error
        if (open > 0) return
        if (failure === undefined) resolve()
        else reject(failure)
      }
      if (open === 0) resolve()
      for (const message of messages) this.#add(message, options, settle)
    })
  }

  /** Opens a channel on a connection, and sends what waits. */
  async attach(model: ChannelModel): Promise<void> {
    const channel = await model.createConfirmChannel()
    let refusal: Error | undefined
    channel.on('error', (cause) => {
      refusal = cause
    })
    // Before the driver's own listener, which reports every unconfirmed message as failed.
    channel.prependListener('close', () => {
      this.#outbox.detach(refusal)
      nextTurn(() => this.#replace(model))
    })
    this.#channel = channel
    this.#outbox.attach(channel)
  }

  /** Resolves once everything is confirmed or given up, also what was to be tried for ever. */
  async drained(): Promise<void> {
    if (this.#outbox.size === 0) return
    this.#outbox.limitDeadlines(DEADLINE_MS)
    this.#expireAt(performance.now() + DEADLINE_MS)
    this.#emptied ??= deferred()
    await this.#emptied.promise
  }

  close(): void {
    this.#expiry?.timer.clear()
  }

  #add(
    { message, route }: RoutedMessage,
    options: PublishOptions | undefined,
    settle: (error?: BrokerError) => void,
  ): void {
    const deadlineMs = options?.deadlineMs ?? DEADLINE_MS
    const addedAt = performance.now()
    const mandatory = options?.mandatory ?? false
    if (!this.#connection.isOpen) this.#connection.seek(deadlineMs)
    this.#outbox.add({
      message,
      route,
      mandatory,
      deadlineMs,
      addedAt,
      overdueAt: Number.POSITIVE_INFINITY,
      settle,
      isReturned: false,
      isSettled: false,
    })
    this.#expireAt(addedAt + deadlineMs - Math.min(LOOK_BEFORE_MS, deadlineMs / 2))
  }

  /** The channel ended and the connection did not: a message was refused. */
  #replace(model: ChannelModel): void {
    if (!this.#connection.isAlive(model)) return
    this.attach(model).catch((cause: unknown) => {
      // With the connection gone too, the reconnect attaches a new one.
      this.#log.debug(
        { broker: this.#safeUrl, err: cause },
        'publish channel cannot be opened again',
      )
      setTimeout(() => this.#replace(model), REPLACE_AGAIN_MS).unref()
    })
  }

  // One timer for all of them, set for the earliest deadline.
  #expireAt(at: number): void {
    if (this.#expiry !== undefined && this.#expiry.at <= at) return
    this.#expiry?.timer.clear()
    this.#expiry = undefined
    if (at === Number.POSITIVE_INFINITY) return
    const dueAt = Math.max(at, performance.now() + LOOK_EVERY_MS)
    const timer = startTimer(dueAt - performance.now(), () => this.#onExpiry(dueAt))
    this.#expiry = { at: dueAt, timer }
  }

  /** Confirms that have come meanwhile are read before the next turn: what has been confirmed is not overdue. */
  #onExpiry(dueAt: number): void {
    const lateMs = performance.now() - dueAt
    nextTurn(() => {
      this.#expiry = undefined
      if (lateMs > BUSY_MS) this.#outbox.postpone(lateMs)
      const now = performance.now()
      const next = this.#outbox.expire(now, (outgoing) => this.#unconfirmed(outgoing))
      if (next - now <= LOOK_BEFORE_MS) void this.#lookAtServer()
      this.#expireAt(next - now > LOOK_BEFORE_MS ? next - LOOK_BEFORE_MS : next)
    })
  }

  #unconfirmed(outgoing: Outgoing): BrokerError {
    const { isOpen, lastFailure } = this.#connection
    const error = unconfirmed(outgoing, {
      safeUrl: this.#safeUrl,
      isConnected: isOpen,
      lastFailure,
    })
    const reason = lastFailure === undefined ? undefined : serverText(lastFailure)
    this.#log.debug({ ...outgoing.route, reason }, 'publish given up')
    if (isOpen) void this.#askForAnswer()
    return error
  }

  /**
   * RabbitMQ reads nothing from a connection whose messages its queues cannot take in yet, for half a minute where millions
   * wait in them, and says nothing of it. It answers on another connection then.
   */
  async #lookAtServer(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      if (!(await this.#connection.isServerAtWork())) return
      this.#outbox.heard()
      // Or this connection is dead, and nothing has said so: then it is closed, and what was sent goes over another.
      void this.#askForAnswer()
    } finally {
      this.#isLooking = false
    }
  }

  /** Any question would do: a server that does not answer it either has its connection closed. */
  async #askForAnswer(): Promise<void> {
    if (this.#isAsking) return
    this.#isAsking = true
    try {
      await this.#channel?.prefetch(0)
    } catch {
      // The channel has ended; another one comes in its place.
    } finally {
      this.#isAsking = false
    }
  }
}

/** Apart, so that what waits for its confirm keeps hold of no more than these two. */
function settler(
  resolve: () => void,
  reject: (error: BrokerError) => void,
): (error?: BrokerError) => void {
  return (error) => (error === undefined ? resolve() : reject(error))
}
