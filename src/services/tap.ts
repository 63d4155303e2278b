import type { Broker, Delivery, Subscription } from '../brokers/broker.ts'
import { openBroker } from '../brokers/open-broker.ts'
import { UsageError } from '../errors.ts'
import { isRecord } from '../protocol/field-readers.ts'
import { CommonService } from '../recipes/index.ts'
import { decodeMessage } from '../recipes/transport/mangle.ts'
import { urlOf } from '../recipes/transport/pika/pika-options.ts'
import type { App } from '../tasks/app/app.ts'
import { textOf } from '../text-of-error.ts'
import { rabbitmqPut } from './rabbitmq-api.ts'
import { TappedRuns } from './tap/tapped-runs.ts'

/** The exchange to which RabbitMQ's firehose copies messages (https://www.rabbitmq.com/docs/firehose). */
const FIREHOSE = 'amq.rabbitmq.trace'

/**
 * Reports steps to the record whose services cannot: those in Python. RabbitMQ's firehose copies what goes to, and comes from,
 * the queues that the site's storage names in `zocalo.tap.queues`.
 */
export class Tap extends CommonService {
  static override serviceName = 'Tap'
  static override loggerName = 'celery_toolbox.service.tap'

  #broker: Broker | undefined
  #subscription: Subscription | undefined
  #delivering: Promise<void> = Promise.resolve()

  override async initializing(): Promise<void> {
    const app = this.environment.app as App | undefined // the command's -A
    if (app === undefined)
      throw new UsageError('Tap needs an app, whose monitor records the runs: -A app.ts')
    const given = this.config.plugin('storage')?.['zocalo.tap.queues']
    const queues = Array.isArray(given) ? given.map(String) : []
    if (queues.length === 0) {
      throw new UsageError(
        'Tap needs a list of queues: zocalo.tap.queues in a storage block of the site',
      )
    }
    await this.#traced(true)
    const runs = new TappedRuns(queues)
    const broker = openBroker({ url: urlOf(this.config.block('pika') ?? {}), logger: this.log })
    this.#broker = broker
    const queue = {
      name: `tap.${crypto.randomUUID()}`,
      durable: false,
      exclusive: true,
      autoDelete: true,
      arguments: {},
    }
    const keys = ['publish.#', ...queues.map((name) => `deliver.${name}`)]
    const bindings = keys.map((routingKey) => ({
      exchange: FIREHOSE,
      queue: queue.name,
      routingKey,
    }))
    await broker.declare({ exchanges: [], queues: [queue], bindings })
    this.#subscription = await broker.consume(queue.name, { prefetch: 500 }, (delivery) => {
      this.#take(delivery, runs, app)
    })
    this.log.info({ queues }, 'the queues are tapped')
  }

  override async inShutdown(): Promise<void> {
    await this.#subscription?.close()
    await this.#delivering
    await this.#broker?.close()
    await this.#traced(false)
  }

  #take(delivery: Delivery, runs: TappedRuns, app: App): void {
    const { headers, body } = delivery.message
    const properties = isRecord(headers.properties) ? headers.properties : {}
    const events = runs.heard({
      isDelivery: headers.redelivered !== undefined,
      routingKeys: Array.isArray(headers.routing_keys) ? headers.routing_keys.map(textOf) : [],
      headers: isRecord(properties.headers) ? properties.headers : {},
      message: decodeMessage(body),
    })
    this.#delivering = this.#delivering
      .then(async () => {
        if (events.length > 0) await app.events.deliver(events)
        await delivery.ack()
      })
      .catch((error: unknown) =>
        this.log.warn({ err: error }, 'events of a recipe run could not be sent'),
      )
  }

  /** Where the site has no management API, its people switch it: rabbitmqctl trace_on. */
  async #traced(isOn: boolean): Promise<void> {
    const vhost = String(this.config.block('pika')?.vhost ?? '/')
    try {
      await rabbitmqPut(this.config, `vhosts/${encodeURIComponent(vhost)}`, { tracing: isOn })
    } catch (error) {
      this.log.warn(
        { err: error, vhost },
        `cannot switch the firehose; run "rabbitmqctl trace_${isOn ? 'on' : 'off'} -p VHOST"`,
      )
    }
  }
}
