import { asError } from '../../as-error.ts'
import { withDeadline } from '../../async/with-deadline.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import type { Message, Route } from '../../protocol/message.ts'
import type { Topology } from '../../protocol/routing/topology.ts'
import { safeUrl } from '../../safe-url.ts'
import { BaseBroker } from '../base-broker.ts'
import type {
  Broker,
  ConsumeOptions,
  ConsumerProblem,
  Delivery,
  PublishOptions,
  QueueDepth,
  RoutedMessage,
  Subscription,
} from '../broker.ts'
import { brokerClosed, messageUnwritable, unsupportedOption } from '../broker-errors.ts'
import type { Claims } from '../claims.ts'
import { type BrokerFeatures, SQS_FEATURES } from '../features.ts'
import { KnownTopology } from '../known-topology.ts'
import { SqsApi } from './connecting/sqs-api.ts'
import { parseSqsUrl } from './connecting/sqs-url.ts'
import { declareOn } from './declare.ts'
import { QueueQuestions } from './queues/queue-questions.ts'
import { type QueuePlace, SqsQueues } from './queues/queues.ts'
import { Routing } from './queues/routing.ts'
import { HeldDeliveries } from './receiving/held.ts'
import { Polls } from './receiving/polls.ts'
import { Receipts } from './receiving/receipts.ts'
import { ReceivedMessages } from './receiving/received.ts'
import { rejectionOf } from './receiving/rejection.ts'
import { SqsConsumer } from './receiving/sqs-consumer.ts'
import { type DeliveryHolder, SqsDelivery } from './receiving/sqs-delivery.ts'
import { SqsPublisher } from './sending/sqs-publisher.ts'
import { warnOfIdleOptions } from './settings/known-options.ts'
import { readSqsOptions, type SqsSettings } from './settings/sqs-options.ts'

interface SqsBrokerOptions {
  /** `sqs://KEY:SECRET@HOST:PORT`; `sqs://` is Amazon's own, with the credentials that the SDK finds. */
  readonly url: string
  readonly logger?: Logger | undefined
  readonly connectTimeoutMs?: number | undefined
  /** As Celery's broker_transport_options, under kombu's names. */
  readonly transportOptions?: Readonly<Record<string, unknown>> | undefined
  /** Where bodies are kept that are too large for SQS; closed with the broker. Without it they are refused. */
  readonly claims?: Claims | undefined
  /** How long polls on their way may keep `close()`; one that is cut off may swallow a message. Default: as long as they take. */
  readonly drainMs?: number | undefined
}

const CONNECT_TIMEOUT_MS = 10_000
/** Without a wait SQS asks some of its servers only, and may find nothing where there is something. */
const GET_WAIT_SECONDS = 1
const POLL_PATIENCE_MS = 5_000

/** Amazon SQS: exchanges in this process, queues there, and a clock on every message that is taken. */
export class SqsBroker extends BaseBroker implements Broker {
  readonly kind = 'sqs'
  readonly features: BrokerFeatures
  readonly safeUrl: string
  /** Only queues receive messages. */
  readonly carriesEvents: boolean = false
  readonly #log: Logger
  readonly #settings: SqsSettings
  readonly #drainMs: number
  readonly #claims: Claims | undefined
  readonly #messages: ReceivedMessages
  readonly #known = new KnownTopology()
  readonly #routing = new Routing(this.#known)
  readonly #api: SqsApi
  readonly #queues: SqsQueues
  readonly #questions: QueueQuestions
  readonly #publisher: SqsPublisher
  readonly #consumers = new Set<SqsConsumer>()
  readonly #polling = new Set<SqsConsumer>()
  readonly #receipts = new Map<string, Receipts>()
  readonly #got: HeldDeliveries
  readonly #giveUp = new AbortController()
  readonly #cutPolls = new AbortController()
  #isAway: boolean = false
  #closing: Promise<void> | undefined

  constructor(options: SqsBrokerOptions) {
    super()
    this.safeUrl = safeUrl(options.url)
    this.#log = options.logger ?? silentLogger
    this.#claims = options.claims
    this.#messages = new ReceivedMessages({ claims: this.#claims, log: this.#log })
    this.features = this.#claims === undefined ? SQS_FEATURES : WITH_CLAIMS
    this.#settings = readSqsOptions(options.transportOptions)
    warnOfIdleOptions(options.transportOptions, this.#log)
    this.#drainMs = options.drainMs ?? this.#settings.waitSeconds * 1_000 + POLL_PATIENCE_MS
    this.#got = new HeldDeliveries(this.#settings.visibilitySeconds)
    this.#api = new SqsApi({
      url: parseSqsUrl(options.url),
      settings: this.#settings,
      onAnswer: () => this.#reached(),
      onSilence: (cause) => this.#away(cause),
    })
    this.#queues = new SqsQueues({
      api: this.#api,
      settings: this.#settings,
      safeUrl: this.safeUrl,
      connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    })
    this.#questions = new QueueQuestions({
      api: this.#api,
      queues: this.#queues,
      safeUrl: this.safeUrl,
    })
    this.#publisher = new SqsPublisher({
      api: this.#api,
      queues: this.#queues,
      routing: this.#routing,
      isBase64: this.#settings.isBase64,
      bodyEncoding: this.#settings.bodyEncoding,
      claims: this.#claims,
      safeUrl: this.safeUrl,
      revive: (queue) => this.#revive(queue),
    })
  }

  async declare(topology: Topology): Promise<void> {
    this.#requireOpen()
    await declareOn(this.#queues, topology, this.#known)
    this.#routing.forget()
  }

  async publish(message: Message, route: Route, options: PublishOptions = {}): Promise<void> {
    this.#requireOpen()
    const reason = unsupportedOption(options, this.features)
    if (reason !== undefined) throw messageUnwritable(route, this.safeUrl, { reason })
    await this.#publisher.publish(message, route, options)
  }

  async publishMany(messages: readonly RoutedMessage[], options?: PublishOptions): Promise<void> {
    this.#requireOpen()
    const outcomes = await Promise.allSettled(
      messages.map(({ message, route }) => this.publish(message, route, options)),
    )
    const failure = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }

  async consume(
    queue: string,
    options: ConsumeOptions,
    onDelivery: (delivery: Delivery) => void,
  ): Promise<Subscription> {
    this.#requireOpen()
    const place = await this.#existing(queue)
    const consumer = new SqsConsumer({
      queueName: queue,
      options,
      onDelivery,
      log: this.#log,
      safeUrl: this.safeUrl,
      polls: this.#polls(queue),
      pollingMs: this.#settings.pollingMs,
      visibilitySeconds: this.#settings.visibilitySeconds,
      holder: this.#holder(place),
      revive: () => this.#revive(queue),
      onClosed: (closed) => this.#consumers.delete(closed),
    })
    this.#consumers.add(consumer)
    this.#polling.add(consumer)
    consumer.start()
    return consumer
  }

  async get(queue: string): Promise<Delivery | undefined> {
    this.#requireOpen()
    const place = await this.#existing(queue)
    const found = await this.#questions.asked(queue, () =>
      this.#polls(queue).poll(1, GET_WAIT_SECONDS),
    )
    const [message] = found.received
    if (message === undefined) return undefined
    const holder: DeliveryHolder = {
      queue,
      visibilitySeconds: this.#settings.visibilitySeconds,
      ...this.#holder(place),
      onEnd: (delivery) => this.#got.delete(delivery),
      onParked: (delivery) => this.#got.park(delivery),
    }
    const delivery = new SqsDelivery(message, holder, found.at)
    this.#got.add(delivery)
    return delivery
  }

  async depth(queue: string): Promise<QueueDepth> {
    this.#requireOpen()
    return await this.#questions.depth(queue)
  }

  async purge(queue: string): Promise<number> {
    this.#requireOpen()
    return await this.#questions.purge(queue)
  }

  get problems(): readonly ConsumerProblem[] {
    return [...this.#consumers].flatMap(({ problem }) => problem ?? [])
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close()
    await this.#closing
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()))
    await this.#got.giveBack()
    await this.#publisher.drained()
    await this.#pollsEnded()
    const settled = Promise.all([...this.#receipts.values()].map((receipts) => receipts.drained()))
    await withDeadline(settled, SETTLE_MS, () => new Error('late')).catch(() => undefined)
    this.#giveUp.abort()
    await settled
    await Promise.all([this.#api.close(), this.#claims?.close()])
  }

  /** A poll is waited for, and what it still brings is given back. */
  async #pollsEnded(): Promise<void> {
    const polls = [...this.#polling].flatMap(({ polling }) => polling)
    if (polls.length === 0) return
    this.#log.debug({ polls: polls.length }, 'waiting for the last polls to end')
    const ended = Promise.all(polls)
    await withDeadline(ended, this.#drainMs, () => new Error('late')).catch(() => undefined)
    this.#cutPolls.abort(new Error('the broker is closed'))
    await ended
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) throw brokerClosed(this.safeUrl)
  }

  #polls(queue: string): Polls {
    return new Polls({
      api: this.#api,
      settings: this.#settings,
      place: () => this.#queues.place(queue),
      messages: this.#messages,
      receiptsOf: (place) => this.#receiptsOf(place),
      signal: this.#cutPolls.signal,
    })
  }

  #holder(place: QueuePlace): Pick<DeliveryHolder, 'receipts' | 'sendOn' | 'onReject'> {
    return {
      receipts: this.#receiptsOf(place),
      onReject: (delivery) => rejectionOf(delivery, place, this.#queues),
      sendOn: place.isFifo
        ? undefined
        : (text, how) => this.#publisher.sendText(text, { queue: place.queue, ...how }),
    }
  }

  #receiptsOf(place: QueuePlace): Receipts {
    let receipts = this.#receipts.get(place.url)
    if (receipts === undefined) {
      receipts = new Receipts({ api: this.#api, place, signal: this.#giveUp.signal })
      this.#receipts.set(place.url, receipts)
    }
    return receipts
  }

  /** Where it is; asked anew where it is not known, so that a queue that was deleted is not taken for one that is there. */
  #existing(queue: string): Promise<QueuePlace> {
    return this.#queues.place(queue)
  }

  /** A queue that is gone is declared again where it was declared here. */
  async #revive(queue: string): Promise<void> {
    this.#queues.forget(queue)
    const known = this.#known.queues.find(({ name }) => name === queue)
    if (known === undefined) await this.#queues.place(queue)
    else await this.#queues.declare(known)
  }

  #away(cause: unknown): void {
    if (this.#isAway || this.#closing !== undefined) return
    this.#isAway = true
    this.#log.warn({ broker: this.safeUrl, err: cause }, 'SQS does not answer, trying again')
    this.emitLost(asError(cause))
  }

  #reached(): void {
    if (!this.#isAway) return
    this.#isAway = false
    this.#log.info({ broker: this.safeUrl }, 'SQS answers again')
    this.emitRestored()
  }
}

const SETTLE_MS = 5_000
/** What is larger than SQS takes is kept in a database, to which this is little. */
const WITH_CLAIMS = { ...SQS_FEATURES, largestMessageBytes: 128 * 1024 * 1024 }
