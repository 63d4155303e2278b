import type { Message as SqsMessage } from '@aws-sdk/client-sqs'
import type { Message, Route } from '../../../protocol/message.ts'
import { FAIRNESS_HEADER } from '../../../protocol/routing/fairness.ts'
import type { Delivery, RequeueOptions } from '../../broker.ts'
import { deliverySettled } from '../../broker-errors.ts'
import { type Mark, markNow, sinceMs } from './lease-clock.ts'
import type { Receipts } from './receipts.ts'
import type { Received } from './received.ts'

const DONE = Promise.resolve()
/** A message may be hidden for 12 hours from its receipt, and no longer. */
const LONGEST_HOLD_MS = 43_200_000

interface SendOn {
  readonly delayMs: number
  readonly groupId: string | undefined
}

/** What a delivery needs of those who hold it. */
export interface DeliveryHolder {
  readonly queue: string
  readonly visibilitySeconds: number
  readonly receipts: Receipts
  /** Settled or lost: it takes no place any more. */
  readonly onEnd: (delivery: SqsDelivery) => void
  /** It is to come again later; what ends the consumer gives it back sooner. */
  readonly onParked: (delivery: SqsDelivery) => void
  /** Sends its text on to the same queue; undefined where that is a FIFO queue. */
  readonly sendOn: ((text: string, how: SendOn) => Promise<void>) | undefined
  /** As the queue says of what is rejected: whether SQS itself moves it, and after how many seconds it comes again. */
  readonly onReject: (delivery: SqsDelivery) => Promise<'delete' | 'leave' | number>
}

/** A message of SQS in a consumer's hands, for as long as it is hidden from others. */
export class SqsDelivery implements Delivery {
  readonly message: Message
  readonly route: Route
  readonly attempt: number
  readonly #receipt: string
  readonly #text: string
  readonly #holder: DeliveryHolder
  readonly #receivedAt: Mark
  #hiddenAt: Mark
  #hiddenMs: number
  #lost: AbortController | undefined
  #isSettled: boolean = false
  #isLost: boolean = false

  constructor({ sqs, opened }: Received, holder: DeliveryHolder, hiddenAt: Mark) {
    this.message = withAttributes(opened.message, sqs)
    this.route = opened.route
    this.attempt = Number(sqs.Attributes?.ApproximateReceiveCount ?? 1)
    this.#text = sqs.Body ?? ''
    this.#receipt = sqs.ReceiptHandle ?? ''
    this.#holder = holder
    this.#receivedAt = hiddenAt
    this.#hiddenAt = hiddenAt
    this.#hiddenMs = holder.visibilitySeconds * 1_000
  }

  get queue(): string {
    return this.#holder.queue
  }

  get redelivered(): boolean {
    return this.attempt > 1
  }

  get isSettled(): boolean {
    return this.#isSettled
  }

  get isLost(): boolean {
    if (!this.#isLost && !this.#isSettled && this.leftMs <= 0) this.lose('its time is over')
    return this.#isLost
  }

  get lost(): AbortSignal {
    this.#lost ??= new AbortController()
    if (this.isLost) this.#abort('it is lost')
    return this.#lost.signal
  }

  /** How long others will not see it. */
  get leftMs(): number {
    return this.#hiddenMs - sinceMs(this.#hiddenAt)
  }

  ack(): Promise<void> {
    return this.#settle(async () => {
      const outcome = await this.#holder.receipts.delete(this.#receipt)
      if (outcome === 'expired') this.lose('its receipt has expired')
      if (outcome === 'unknown') this.lose('SQS did not say whether it was deleted')
    })
  }

  requeue({ delayMs = 0 }: RequeueOptions = {}): Promise<void> {
    return this.#settle(async () => {
      const seconds = Math.min(Math.ceil(delayMs / 1_000), this.#longestSeconds)
      this.#hiddenAt = markNow()
      this.#hiddenMs = seconds * 1_000
      if (seconds > 0) this.#holder.onParked(this)
      await this.#hide(seconds)
    })
  }

  reject(): Promise<void> {
    return this.#settle(async () => {
      const how = await this.#holder.onReject(this)
      if (how === 'delete') await this.#holder.receipts.delete(this.#receipt)
      else if (how !== 'leave') await this.#hide(how)
    })
  }

  async extend(ms: number): Promise<void> {
    if (this.#isSettled || this.isLost) return
    const seconds = Math.min(Math.ceil(ms / 1_000), this.#longestSeconds)
    const at = markNow()
    const outcome = seconds > 0 ? await this.#hide(seconds) : 'expired'
    if (outcome === 'expired') this.lose('its receipt has expired')
    if (outcome !== 'done') return
    this.#hiddenAt = at
    this.#hiddenMs = seconds * 1_000
  }

  async sendOn(delayMs: number): Promise<boolean> {
    const { sendOn, receipts } = this.#holder
    if (sendOn === undefined || this.#isSettled || this.isLost) return false
    const key = this.message.headers[FAIRNESS_HEADER]
    await sendOn(this.#text, { delayMs, groupId: typeof key === 'string' ? key : undefined })
    await this.#settle(async () => void (await receipts.delete(this.#receipt)))
    return true
  }

  /** Gives back what was requeued with a delay, or never settled. */
  async giveBack(): Promise<void> {
    this.#isLost = true
    this.#abort('it was given back')
    await this.#hide(0)
  }

  /** Another consumer may have it. */
  lose(why: string): void {
    if (this.#isLost) return
    this.#isLost = true
    this.#abort(why)
    this.#holder.onEnd(this)
  }

  get #longestSeconds(): number {
    return Math.floor((LONGEST_HOLD_MS - sinceMs(this.#receivedAt)) / 1_000) - 1
  }

  async #hide(seconds: number): Promise<string> {
    return await this.#holder.receipts.hide({ receipt: this.#receipt, seconds })
  }

  #settle(how: () => Promise<void>): Promise<void> {
    if (this.#isSettled) return Promise.reject(deliverySettled(this.queue))
    const isLost = this.isLost
    this.#isSettled = true
    if (isLost) return DONE
    return how().finally(() => this.#holder.onEnd(this))
  }

  #abort(why: string): void {
    this.#lost?.abort(new Error(`the delivery from the queue "${this.queue}" is lost: ${why}`))
  }
}

/** What was asked for by `fetch_message_attributes`, besides the receive count. */
function withAttributes(message: Message, { Attributes = {}, MessageAttributes }: SqsMessage) {
  const { ApproximateReceiveCount: _, ...system } = Attributes
  if (Object.keys(system).length === 0 && MessageAttributes === undefined) return message
  const attributes = Object.entries(MessageAttributes ?? {}).map(([name, value]) => [
    name,
    value.StringValue ?? value.BinaryValue ?? null,
  ])
  const sqs = { ...system, ...Object.fromEntries(attributes) }
  return { ...message, headers: { ...message.headers, sqs } }
}
