import { ackWith, CommonService, wrapSubscribe } from '../recipes/index.ts'

const DESTINATION = 'transient.destination'
const TRANSACTION = 'transient.transaction'
const EVERY_SECONDS = 3

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

/** Sends a text to `transient.transaction` every three idle seconds, in a transaction that is aborted at random. */
export class SampleTxnProducer extends CommonService {
  static override serviceName = 'Transaction Message Producer'
  static override loggerName = 'workflows.service.sample_txn_producer'
  #count = 0

  override async initializing(): Promise<void> {
    this.registerIdle(EVERY_SECONDS, async () => {
      this.#count += 1
      const transaction = await this.transport.transactionBegin()
      await this.transport.send(TRANSACTION, `TXMessage #${this.#count}`, { transaction })
      if (Math.random() > 0.5) await this.transport.transactionCommit(transaction)
      else await this.transport.transactionAbort(transaction)
    })
  }
}

/** Takes messages of `transient.transaction`, and acknowledges them in a transaction that is aborted at random. */
export class SampleTxn extends CommonService {
  static override serviceName = 'Transaction Message Consumer'
  static override loggerName = 'workflows.service.sample_txn'

  override async initializing(): Promise<void> {
    await this.transport.subscribe(
      TRANSACTION,
      async (header, message) => {
        this.log.info({ message }, '=== Consume ====')
        const { subscription } = header
        const transaction = await this.transport.transactionBegin({ subscriptionId: subscription })
        await this.transport.ack(header, { transaction })
        if (Math.random() > 0.5) return await this.transport.transactionCommit(transaction)
        await this.transport.transactionAbort(transaction)
        await this.transport.nack(header)
      },
      { acknowledgement: true },
    )
  }
}
