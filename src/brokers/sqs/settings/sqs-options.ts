import { optionRefused } from '../connecting/server-errors.ts'
import type { BodyEncoding } from '../messages/envelope.ts'
import { type ClientConfig, readClientConfig } from './client-config.ts'
import { type PredefinedQueue, readPredefinedQueues } from './predefined-queues.ts'

/** broker_transport_options, read: kombu's names outside, ours inside. */
export interface SqsSettings {
  /** Undefined leaves it to the SDK: AWS_REGION, the profile, else us-east-1 as kombu. */
  readonly region: string | undefined
  /** Undefined: https to Amazon, http to a server of one's own. */
  readonly isSecure: boolean | undefined
  readonly prefix: string
  readonly waitSeconds: number
  /** Between a poll that found nothing and the next one. */
  readonly pollingMs: number
  readonly visibilitySeconds: number
  readonly isBase64: boolean
  readonly bodyEncoding: BodyEncoding
  readonly predefined: ReadonlyMap<string, PredefinedQueue>
  readonly creationAttributes: Readonly<Record<string, string>>
  readonly tags: Readonly<Record<string, string>>
  /** Ours: queues that are missing are created. Default true. */
  readonly createsQueues: boolean
  /** Ours: queues are created with a redrive policy to their `dlq.` queue after so many receives. */
  readonly maxReceives: number | undefined
  readonly role: AssumedRole | undefined
  readonly client: ClientConfig
  readonly systemAttributes: readonly string[]
  readonly messageAttributes: readonly string[]
}

export interface AssumedRole {
  readonly arn: string
  readonly seconds: number
  readonly bufferSeconds: number
}

type Options = Readonly<Record<string, unknown>>

/** As kombu; ours is derived from QUEUE_PREFIX and the like in config/. */
const KOMBU_VISIBILITY_SECONDS = 1_800
const KOMBU_WAIT_SECONDS = 10
const MOST_VISIBILITY_SECONDS = 43_200
const MOST_WAIT_SECONDS = 20
const SHORTEST_ROLE_SECONDS = 900
const RECEIVE_COUNT = 'ApproximateReceiveCount'

/** Those of Celery's connection retries, which the retry policy of each publish decides here. */
const WITHOUT_EFFECT = [
  'connect_retries_timeout',
  'interval_max',
  'interval_start',
  'interval_step',
  'max_retries',
  'retry_policy',
]

const REFUSED: Readonly<Record<string, string>> = {
  callback:
    'it is a function of Python, called while kombu connects; listen to "lost" and "restored" of the broker',
  deadletter_queue:
    'a message that is bound for no queue goes to none; its publish fails with MESSAGE_UNROUTABLE',
  errback:
    'it is a function of Python, called when kombu cannot connect; listen to "lost" of the broker',
  port: 'kombu does nothing with it; give the port in the url: sqs://KEY:SECRET@HOST:PORT',
  predefined_exchanges: 'it names topics of SNS, and nothing is sent through SNS',
  regioninfo: 'kombu does nothing with it; name the region in "region"',
}

const KNOWN = new Set([
  ...WITHOUT_EFFECT,
  'body_encoding',
  'client-config',
  'create_queues',
  'fetch_message_attributes',
  'is_secure',
  'max_receives',
  'polling_interval',
  'predefined_queues',
  'queue_name_prefix',
  'queue_tags',
  'region',
  'sqs-creation-attributes',
  'sqs_base64_encoding',
  'sts_role_arn',
  'sts_token_buffer_time',
  'sts_token_timeout',
  'supports_fanout',
  'visibility_timeout',
  'wait_time_seconds',
])

/** Throws `BrokerError`, naming the option, for what cannot be heeded. */
export function readSqsOptions(options: Options = {}): SqsSettings {
  refuseUnknown(options)
  const waitSeconds = wholeNumber(options, 'wait_time_seconds', {
    fallback: KOMBU_WAIT_SECONDS,
    most: MOST_WAIT_SECONDS,
  })
  return {
    region: text(options, 'region'),
    isSecure: flag(options, 'is_secure'),
    prefix: text(options, 'queue_name_prefix') ?? '',
    waitSeconds,
    pollingMs: pollingMsOf(options, waitSeconds),
    visibilitySeconds: wholeNumber(options, 'visibility_timeout', {
      fallback: KOMBU_VISIBILITY_SECONDS,
      least: 1,
      most: MOST_VISIBILITY_SECONDS,
    }),
    isBase64: flag(options, 'sqs_base64_encoding') ?? true,
    bodyEncoding: bodyEncodingOf(options.body_encoding),
    predefined: readPredefinedQueues(options.predefined_queues),
    creationAttributes: texts(options, 'sqs-creation-attributes'),
    tags: texts(options, 'queue_tags'),
    createsQueues: flag(options, 'create_queues') ?? true,
    maxReceives: has(options, 'max_receives')
      ? wholeNumber(options, 'max_receives', { fallback: 0, least: 1, most: 1_000 })
      : undefined,
    role: roleOf(options),
    client: readClientConfig(options['client-config']),
    ...fetchedAttributes(options.fetch_message_attributes),
  }
}

function refuseUnknown(options: Options): void {
  for (const [name, value] of Object.entries(options)) {
    const reason = REFUSED[name]
    if (reason !== undefined && value !== null) throw optionRefused(name, reason)
    if (reason === undefined && !KNOWN.has(name)) {
      throw optionRefused(name, `it is unknown, expected one of ${[...KNOWN].sort().join(', ')}`)
    }
  }
  if (options.supports_fanout === true) {
    throw optionRefused(
      'supports_fanout',
      'nothing is sent through SNS; events and control need no fanout here, see docs/sqs.md',
    )
  }
}

/** kombu waits a second besides the long poll; where the poll itself waits, ours does not, unless it is asked to. */
function pollingMsOf(options: Options, waitSeconds: number): number {
  const value = options.polling_interval
  if (value === undefined || value === null) return waitSeconds > 0 ? 0 : 1_000
  const seconds = Number(value)
  if (Number.isFinite(seconds) && seconds >= 0) return seconds * 1_000
  throw optionRefused('polling_interval', `it is ${shown(value)}, expected seconds`)
}

/** As kombu, whose null and utf-8 are text alike. */
function bodyEncodingOf(value: unknown): BodyEncoding {
  if (value === undefined || value === 'base64') return 'base64'
  if (value === null || value === '') return null
  if (typeof value === 'string' && value.toLowerCase() === 'utf-8') return 'utf-8'
  throw optionRefused('body_encoding', `it is ${shown(value)}, expected base64, utf-8 or null`)
}

function roleOf(options: Options): AssumedRole | undefined {
  const arn = text(options, 'sts_role_arn')
  if (arn === undefined) return undefined
  const seconds = wholeNumber(options, 'sts_token_timeout', {
    fallback: SHORTEST_ROLE_SECONDS,
    least: SHORTEST_ROLE_SECONDS,
    most: MOST_VISIBILITY_SECONDS,
  })
  const buffer = wholeNumber(options, 'sts_token_buffer_time', {
    fallback: 0,
    most: MOST_VISIBILITY_SECONDS,
  })
  // As kombu: a buffer that would leave nothing is none.
  return { arn, seconds, bufferSeconds: buffer < seconds ? buffer : 0 }
}

function fetchedAttributes(
  fetched: unknown,
): Pick<SqsSettings, 'systemAttributes' | 'messageAttributes'> {
  const nothing = { systemAttributes: [RECEIVE_COUNT], messageAttributes: [] }
  if (fetched === undefined || fetched === null || typeof fetched === 'string') return nothing
  const byKind: unknown = Array.isArray(fetched)
    ? { MessageSystemAttributeNames: fetched }
    : fetched
  const { MessageSystemAttributeNames: system = [], MessageAttributeNames: own = [] } =
    byKind as Options
  if (!isTexts(system) || !isTexts(own)) {
    throw optionRefused('fetch_message_attributes', 'expected lists of names')
  }
  return {
    systemAttributes: orAll([...system, RECEIVE_COUNT]),
    messageAttributes: orAll(own),
  }
}

function orAll(names: readonly string[]): readonly string[] {
  return names.some((name) => name.toLowerCase() === 'all') ? ['All'] : [...new Set(names)]
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function has(options: Options, name: string): boolean {
  const value = options[name]
  return value !== undefined && value !== null && value !== ''
}

function text(options: Options, name: string): string | undefined {
  if (!has(options, name)) return undefined
  const value = options[name]
  if (typeof value === 'string') return value
  throw optionRefused(name, `it is ${shown(value)}, expected text`)
}

function flag(options: Options, name: string): boolean | undefined {
  if (!has(options, name)) return undefined
  const value = options[name]
  if (typeof value === 'boolean') return value
  throw optionRefused(name, `it is ${shown(value)}, expected true or false`)
}

function wholeNumber(
  options: Options,
  name: string,
  { fallback, least = 0, most }: { fallback: number; least?: number; most: number },
): number {
  if (!has(options, name)) return fallback
  const value = Math.trunc(Number(options[name]))
  if (value >= least && value <= most) return value
  throw optionRefused(
    name,
    `it is ${shown(options[name])}, expected a whole number from ${least} to ${most}`,
  )
}

function texts(options: Options, name: string): Readonly<Record<string, string>> {
  if (!has(options, name)) return {}
  const value = options[name]
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw optionRefused(name, `it is ${shown(value)}, expected a dict of texts`)
  }
  return Object.fromEntries(
    Object.entries(value as Options).map(([key, one]) => [
      key,
      typeof one === 'string' ? one : JSON.stringify(one),
    ]),
  )
}

function shown(value: unknown): string {
  return String(JSON.stringify(value) ?? value).slice(0, 80)
}
