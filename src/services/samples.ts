import { ackWith, CommonService, type TransportHeader, wrapSubscribe } from '../recipes/index.ts'

const DESTINATION = 'transient.destination'
const TRANSACTION = 'transient.transaction'
const EVERY_SECONDS = 3
/** The share of transactions that SampleTxn aborts. */
const ABORTED = 0.25

/** Logs the messages of `transient.destination`. */
export class SampleConsumer extends CommonService {
  static override serviceName = 'Message Consumer'
  static override loggerName = 'workflows.service.sample_consumer'

  override async initializing(): Promise<void> {
    await this.transport.subscribe(DESTINATION, (header, message) => {
      this.log.info({ header: { ...header }, message }, '=== Consume ====')
    })
  }
}

/** Takes recipe messages of `transient.destination` and sends 0 on. */
export class SamplePipethrough extends CommonService {
  static override serviceName = 'Message Pipethrough'
  static override loggerName = 'workflows.service.sample_pipethrough'

  override async initializing(): Promise<void> {
    await wrapSubscribe(
      this.transport,
      DESTINATION,
      async (wrapper, header) => {
        await ackWith(this.transport, header, async (options) => await wrapper?.send(0, options))
      },
      { acknowledgement: true, log: this.log },
    )
  }
}

/** Sends a text to `transient.destination` every three idle seconds. */
export class SampleProducer extends CommonService {
  static override serviceName = 'Message Producer'
  static override loggerName = 'workflows.service.sample_producer'
  #count = 0

  override async initializing(): Promise<void> {
    this.registerIdle(EVERY_SECONDS, async () => {
      this.#count += 1
      await this.transport.send(
        DESTINATION,
        `Message #${this.#count}\n++++++++Produced @${Date.now() / 1000}`,
      )
      this.log.info({ count: this.#count }, 'created a message')
    })
  }
}

/** Sends a text to `transient.transaction` every three idle seconds. */
export class SampleTxnProducer extends CommonService {
  static override serviceName = 'TXN Message Producer'
  #count = 0

  override async initializing(): Promise<void> {
    this.registerIdle(EVERY_SECONDS, async () => {
      this.#count += 1
      await this.transport.send(
        TRANSACTION,
        `TXMessage #${this.#count}\n++++++++Produced@ ${Date.now() / 1000}`,
      )
      this.log.info({ count: this.#count }, 'created a message')
    })
  }
}

/**
 * Passes messages of `transient.transaction` on to `transient.destination`, in one transaction with their acknowledgement.
 * Some transactions, chosen at random, are aborted: their messages come again.
 */
export class SampleTxn extends CommonService {
  static override serviceName = 'Transaction sample'

  override async initializing(): Promise<void> {
    await this.transport.subscribe(TRANSACTION, (...parts) => this.#passOn(...parts), {
      acknowledgement: true,
    })
  }

  async #passOn(header: TransportHeader, message: unknown): Promise<void> {
    this.log.info({ message }, '=== Receive ===')
    const { subscription } = header
    const transaction = await this.transport.transactionBegin({ subscriptionId: subscription })
    await this.transport.ack(header, { transaction })
    await this.transport.send(DESTINATION, message, { transaction })
    if (Math.random() > ABORTED) {
      await this.transport.transactionCommit(transaction)
      this.log.info({ message }, 'the transaction is committed')
      return
    }
    await this.transport.transactionAbort(transaction)
    this.log.info({ message }, 'the transaction is aborted')
    await this.transport.nack(header)
  }
}
