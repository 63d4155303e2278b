import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib'
import type { Logger } from '../../../logger.ts'
import type { Delivery } from '../../broker.ts'
import { handOver } from '../../hand-over.ts'
import { answeredWithin, end } from '../connecting/end.ts'
import { AckWindow } from './ack-window.ts'
import { AmqpDelivery } from './amqp-delivery.ts'
import { Parked } from './parked.ts'
import { WaitingRoom } from './waiting-room.ts'

/** AMQP has 16 bits for it; beyond, the server sends without a limit and the rest is held here. */
const MOST_PREFETCH = 65_535

/** How many deliveries may be unsettled; `held` are those of them that are held for long. */
export interface Prefetch {
  readonly prefetch: number
  readonly held: number
}

/** What RabbitMQ counts of a consumer: `most` of its deliveries may be unsettled, 0 is no limit, and `open` are. */
interface Credit {
  readonly most: number
  open: number
  readonly onSettled: () => void
  readonly park: Parked['park']
}

interface Waiting {
  readonly received: ConsumeMessage
  readonly credit: Credit
}

/** Without its body, of which there may be a gigabyte on the way. */
interface Surplus {
  readonly tag: number
  readonly credit: Credit
}

interface ConsumerChannelParts {
  readonly queue: string
  readonly consumerTag: string | undefined
  readonly consumerArguments: Readonly<Record<string, unknown>> | undefined
  readonly onDelivery: (delivery: Delivery) => void
  readonly log: Logger
  /** What the server may send has to be looked at again. */
  readonly onCreditDue: () => void
  /** The channel is gone, or its queue is; `refusal` is what the server said, where it said something. */
  readonly onEnd: (ended: ConsumerChannel, refusal: Error | undefined) => void
}

/** One channel of a consumer: its deliveries, its acks, and how many may be unsettled. */
export class ConsumerChannel {
  readonly model: ChannelModel
  readonly #channel: Channel
  readonly #parts: ConsumerChannelParts
  readonly #window: AckWindow
  #prefetch: number
  /** How many of the prefetch are held for long. */
  #held = 0
  #consumerTag: string | undefined
  #credit: Credit = this.#creditOf(0)
  /** What the server counts as unsettled, whichever consumer it came to. */
  #open = 0
  #starts = 0
  #unsettled = 0
  /** The server still counts them as unsettled, so it is let send as many more: up to the prefetch. */
  readonly #parked: Parked
  /** Came before a lowered prefetch took hold; handed out as room comes. */
  readonly #waiting = new WaitingRoom<Waiting>()
  /** Came where nothing is taken any more, or beyond what may wait: put back once the server sends no more of them. */
  #surplus: Surplus[] = []
  #isTaking: boolean = true
  #hasEnded: boolean = false

  static async open(
    model: ChannelModel,
    prefetch: number,
    parts: ConsumerChannelParts,
  ): Promise<ConsumerChannel> {
    return new ConsumerChannel(model, await model.createChannel(), { ...parts, prefetch })
  }

  private constructor(
    model: ChannelModel,
    channel: Channel,
    parts: ConsumerChannelParts & { readonly prefetch: number },
  ) {
    this.model = model
    this.#channel = channel
    this.#parts = parts
    this.#prefetch = parts.prefetch
    this.#window = new AckWindow(channel, parts.prefetch)
    this.#parked = new Parked(() => this.#lookAtCredit())
    let refusal: Error | undefined
    channel.on('error', (cause) => {
      refusal = cause
    })
    channel.on('close', () => this.#onEnd(refusal))
  }

  /**
   * RabbitMQ gives a prefetch to consumers that start after it was set, so a changed one starts anew, where what the server
   * may send is not enough already: it counts only what came to the new one, and would send as much again each time.
   */
  async start({ prefetch, held }: Prefetch): Promise<void> {
    this.#prefetch = prefetch
    this.#held = held
    this.#isTaking = true
    this.#window.resize(prefetch)
    if (this.#consumerTag === undefined || this.isCreditDue) await this.#startAnew()
    this.#handOut()
  }

  /** Whether the server may send too few, or too many. */
  get isCreditDue(): boolean {
    if (this.#consumerTag === undefined) return false
    const { most, open } = this.#credit
    const wanted = this.#wanted
    if (most === 0 || wanted === 0) return most !== wanted
    const former = this.#open - open
    return most + former < wanted || most > wanted
  }

  /** How many may be unsettled on this channel; 0 is no limit. Those that are parked do not count, up to the prefetch. */
  get #wanted(): number {
    if (this.#prefetch === 0) return 0
    const most = this.#prefetch + Math.min(this.#parked.size, this.#prefetch)
    return most > MOST_PREFETCH ? 0 : most
  }

  async #startAnew(): Promise<void> {
    const wanted = this.#wanted
    // Never less than what is there for those that are not held, as what came to former consumers is settled meanwhile.
    const most = wanted === 0 ? 0 : Math.max(wanted - this.#open, this.#prefetch - this.#held)
    const credit = this.#creditOf(most)
    const former = this.#consumerTag
    await this.#channel.prefetch(most, false)
    const { consumerTag } = await this.#channel.consume(
      this.#parts.queue,
      (received) => this.#onMessage(received, credit),
      this.#consumeOptions(),
    )
    this.#consumerTag = consumerTag
    this.#credit = credit
    // The former one ends last: a queue that deletes itself when unused stays.
    await this.#cancel(former)
    this.#putBackSurplus()
    // Deliveries may have come, and been settled, meanwhile.
    this.#lookAtCredit()
  }

  #lookAtCredit(): void {
    if (this.isCreditDue) this.#parts.onCreditDue()
  }

  /** At once: the server's answer comes behind all that it has sent. */
  takeNoMore(): void {
    this.#isTaking = false
    this.#surplus.push(...this.#waiting.takeAll().map(surplusOf))
  }

  /** Takes nothing new; what was handed out can be settled. */
  async stop(): Promise<void> {
    const tag = this.#consumerTag
    this.#consumerTag = undefined
    this.takeNoMore()
    await this.#cancel(tag)
    this.#putBackSurplus()
  }

  #putBackSurplus(): void {
    const surplus = this.#surplus
    this.#surplus = []
    for (const { tag, credit } of surplus) {
      this.#window.nack(tag, true)
      this.#counted(credit, -1)
    }
  }

  /** Sends the last acks; the server puts back what is not settled. */
  async close(): Promise<void> {
    await this.stop()
    this.#window.flush()
    this.#window.close()
    this.#hasEnded = true
    this.#parked.clear()
    await end(this.#channel)
  }

  #consumeOptions(): { consumerTag?: string; arguments?: object } {
    const { consumerTag, consumerArguments } = this.#parts
    const given = consumerArguments === undefined ? {} : { arguments: consumerArguments }
    if (consumerTag === undefined) return given
    this.#starts += 1
    // Within a channel a tag serves once at a time.
    const tag = this.#starts === 1 ? consumerTag : `${consumerTag}.${this.#starts}`
    return { ...given, consumerTag: tag }
  }

  async #cancel(consumerTag: string | undefined): Promise<void> {
    if (consumerTag === undefined) return
    // Where it fails the channel has ended, and with it the consumer.
    await answeredWithin(this.#channel, this.#channel.cancel(consumerTag))
  }

  #onMessage(received: ConsumeMessage | null, credit: Credit): void {
    if (received === null) {
      // The queue was deleted, or its node went down.
      this.#onEnd(undefined)
      void end(this.#channel)
      return
    }
    this.#counted(credit, 1)
    const one = { received, credit }
    if (!this.#isTaking) this.#surplus.push(surplusOf(one))
    else if (this.#hasRoom && this.#waiting.size === 0) this.#deliver(one)
    else if (!this.#waiting.add(one)) this.#surplus.push(surplusOf(one))
  }

  get #hasRoom(): boolean {
    return this.#prefetch === 0 || this.#unsettled < this.#prefetch
  }

  #deliver({ received, credit }: Waiting): void {
    this.#unsettled += 1
    const delivery = new AmqpDelivery(received, {
      queue: this.#parts.queue,
      window: this.#window,
      onSettled: credit.onSettled,
      park: credit.park,
    })
    handOver(delivery, this.#parts.onDelivery, this.#parts)
  }

  #creditOf(most: number): Credit {
    const credit: Credit = {
      most,
      open: 0,
      onSettled: () => {
        this.#unsettled -= 1
        this.#counted(credit, -1)
        this.#handOut()
        this.#lookAtCredit()
      },
      // The server counts it until it is put back.
      park: (delayMs, putBack) => {
        this.#counted(credit, 1)
        this.#parked.park(delayMs, () => {
          this.#counted(credit, -1)
          putBack()
        })
      },
    }
    return credit
  }

  #counted(credit: Credit, change: 1 | -1): void {
    credit.open += change
    this.#open += change
  }

  #handOut(): void {
    while (!this.#hasEnded && this.#isTaking && this.#hasRoom) {
      const next = this.#waiting.next()
      if (next === undefined) {
        this.#putBackSurplus()
        return
      }
      this.#deliver(next)
    }
  }

  #onEnd(refusal: Error | undefined): void {
    this.#window.close()
    this.#parked.clear()
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#waiting.takeAll()
    this.#surplus = []
    this.#parts.onEnd(this, refusal)
  }
}

function surplusOf({ received, credit }: Waiting): Surplus {
  return { tag: received.fields.deliveryTag, credit }
}
