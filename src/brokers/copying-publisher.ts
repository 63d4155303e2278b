import { type Logger, silentLogger } from '../logger.ts'
import type { Message, Route } from '../protocol/message.ts'
import { blindCopied, copyOf } from '../protocol/routing/mirror-copies.ts'
import type { Topology } from '../protocol/routing/topology.ts'
import type { Broker, PublishOptions } from './broker.ts'

interface CopyingPublisherOptions {
  readonly broker: Broker
  /** Where a copy of each message goes; undefined where exchanges make the copies, or no copy is wanted. */
  readonly mirror?: { readonly queue: string; readonly topology: Topology } | undefined
  readonly logger?: Logger
}

/**
 * Publishes task messages. Beside a plain Celery no exchange copies anything, so the copy for the platform queue is made
 * here: by the broker itself where it can (RabbitMQ's BCC: one message, one confirm), else as a second message.
 */
export class CopyingPublisher implements Pick<Broker, 'publish'> {
  readonly #broker: Broker
  readonly #mirror: CopyingPublisherOptions['mirror']
  readonly #logger: Logger
  readonly #declared = new Map<string, Promise<void>>()
  #mirrorDeclared: Promise<void> | undefined

  constructor({ broker, mirror, logger = silentLogger }: CopyingPublisherOptions) {
    this.#broker = broker
    this.#mirror = mirror
    this.#logger = logger
  }

  publish(message: Message, route: Route, options?: PublishOptions): Promise<void> {
    const queue = this.#mirror?.queue
    return queue === undefined
      ? this.#broker.publish(message, route, options)
      : this.#publishWithCopy(message, route, { queue, options })
  }

  async #publishWithCopy(
    message: Message,
    route: Route,
    { queue, options }: { readonly queue: string; readonly options: PublishOptions | undefined },
  ): Promise<void> {
    this.#mirrorDeclared ??= this.#declareMirror()
    await this.#mirrorDeclared
    if (route.exchange === '' && this.#broker.features.blindCopies) {
      return await this.#broker.publish(blindCopied(message, queue), route, options)
    }
    await this.#broker.publish(message, route, options)
    const { mandatory: _, ...copied } = options ?? {}
    await this.#broker.publish(copyOf(message, route), { exchange: '', routingKey: queue }, copied)
  }

  /** Declares, once, the queue that only a call names. */
  async declareQueue(name: string, topology: Topology): Promise<void> {
    let declared = this.#declared.get(name)
    if (declared === undefined) {
      declared = this.#broker.declare(topology)
      this.#declared.set(name, declared)
    }
    try {
      await declared
    } catch (error) {
      this.#declared.delete(name)
      throw error
    }
  }

  /** A call matters more than its record: without the queue there is no copy, and the call is made all the same. */
  async #declareMirror(): Promise<void> {
    const { queue, topology } = this.#mirror ?? {}
    if (topology === undefined) return
    try {
      await this.#broker.declare(topology)
    } catch (error) {
      this.#mirrorDeclared = undefined
      this.#logger.warn(
        { queue, err: error },
        'calls are not mirrored: the platform queue cannot be declared',
      )
    }
  }
}
