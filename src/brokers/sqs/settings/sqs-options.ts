import { isRecord } from '../../../protocol/field-readers.ts'
import { optionRefused } from '../connecting/server-errors.ts'
import type { BodyEncoding } from '../messages/envelope.ts'
import { type ClientConfig, readClientConfig } from './client-config.ts'
import { refuseOptions } from './known-options.ts'
import {
  dictIn,
  flagIn,
  numberIn,
  type Option,
  type Options,
  optionOf,
  textIn,
  textsIn,
  unfit,
  wholeNumberIn,
} from './option-values.ts'
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

/** As kombu; ours is derived from QUEUE_PREFIX and the like in config/. */
const KOMBU_VISIBILITY_SECONDS = 1_800
const KOMBU_WAIT_SECONDS = 10
const VISIBILITY = { least: 1, most: 43_200 }
const WAIT = { least: 0, most: 20 }
const RECEIVES = { least: 1, most: 1_000 }
const ROLE = { least: 900, most: 43_200 }
const RECEIVE_COUNT = 'ApproximateReceiveCount'

/** Throws `BrokerError`, naming the option, for what cannot be heeded. */
export function readSqsOptions(options: Options = {}): SqsSettings {
  refuseOptions(options)
  const option = (name: string): Option => optionOf(options, name)
  const waitSeconds = wholeNumberIn(option('wait_time_seconds'), WAIT) ?? KOMBU_WAIT_SECONDS
  return {
    region: textIn(option('region')),
    isSecure: flagIn(option('is_secure')),
    prefix: textIn(option('queue_name_prefix')) ?? '',
    waitSeconds,
    pollingMs: pollingMsIn(option('polling_interval'), waitSeconds),
    visibilitySeconds: visibilityIn(option('visibility_timeout')),
    isBase64: flagIn(option('sqs_base64_encoding')) ?? true,
    bodyEncoding: bodyEncodingOf(options.body_encoding),
    predefined: readPredefinedQueues(options),
    creationAttributes: dictOfTexts(option('sqs-creation-attributes')),
    tags: dictOfTexts(option('queue_tags')),
    createsQueues: flagIn(option('create_queues')) ?? true,
    maxReceives: wholeNumberIn(option('max_receives'), RECEIVES),
    role: roleIn(option),
    client: readClientConfig(options),
    ...fetchedAttributes(option('fetch_message_attributes')),
  }
}

/** kombu waits a second besides the long poll; where the poll itself waits, ours does not, unless it is asked to. */
function pollingMsIn(option: Option, waitSeconds: number): number {
  if (option.value === undefined) return waitSeconds > 0 ? 0 : 1_000
  const seconds = numberIn(option)
  if (seconds !== undefined && seconds >= 0) return seconds * 1_000
  throw unfit(option, 'seconds, from 0')
}

/** As kombu: a fraction is cut off, and an empty text counts as absent. */
function visibilityIn(option: Option): number {
  if (option.value === undefined || option.value === '') return KOMBU_VISIBILITY_SECONDS
  const seconds = Math.trunc(numberIn(option) ?? Number.NaN)
  if (seconds >= VISIBILITY.least && seconds <= VISIBILITY.most) return seconds
  throw unfit(option, `seconds from ${VISIBILITY.least} to ${VISIBILITY.most}`)
}

/** As kombu, whose null and utf-8 are text alike. */
function bodyEncodingOf(value: unknown): BodyEncoding {
  if (value === undefined || value === 'base64') return 'base64'
  if (value === null || value === '') return null
  if (typeof value === 'string' && value.toLowerCase() === 'utf-8') return 'utf-8'
  throw unfit({ name: 'body_encoding', value }, 'base64, utf-8 or null')
}

function roleIn(option: (name: string) => Option): AssumedRole | undefined {
  const arn = textIn(option('sts_role_arn'))
  const [timeout, buffer] = [option('sts_token_timeout'), option('sts_token_buffer_time')]
  const seconds = wholeNumberIn(timeout, ROLE) ?? ROLE.least
  const bufferSeconds = wholeNumberIn(buffer, { least: 0, most: seconds - 1 }) ?? 0
  return arn === undefined ? undefined : { arn, seconds, bufferSeconds }
}

const BY_KIND = ['MessageSystemAttributeNames', 'MessageAttributeNames']
const NAMES =
  'a list of names, or a dict of such lists: MessageSystemAttributeNames, MessageAttributeNames'

/** A list is one of system attributes, as in kombu. */
function fetchedAttributes(
  option: Option,
): Pick<SqsSettings, 'systemAttributes' | 'messageAttributes'> {
  const { name, value } = option
  const byKind = Array.isArray(value)
    ? { MessageSystemAttributeNames: value }
    : dictIn(option, NAMES)
  const unknown = Object.keys(byKind).find((kind) => !BY_KIND.includes(kind))
  if (unknown !== undefined) throw optionRefused(`${name}.${unknown}`, `expected ${NAMES}`)
  const [system = [], own = []] = BY_KIND.map((kind) =>
    textsIn(optionOf(byKind, kind, `${name}.${kind}`), 'a list of names'),
  )
  return { systemAttributes: orAll([...system, RECEIVE_COUNT]), messageAttributes: orAll(own) }
}

function orAll(names: readonly string[]): readonly string[] {
  return names.some((name) => name.toLowerCase() === 'all') ? ['All'] : [...new Set(names)]
}

/** SQS takes texts: numbers and booleans are written as such, and a policy, which is a dict, as JSON. */
function dictOfTexts(option: Option): Readonly<Record<string, string>> {
  const entries = Object.entries(dictIn(option, 'a dict of texts'))
  return Object.fromEntries(
    entries.map(([key, value]) => [key, textOfValue({ name: `${option.name}.${key}`, value })]),
  )
}

function textOfValue(option: Option): string {
  const { value } = option
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (isRecord(value)) return JSON.stringify(value)
  throw unfit(option, 'text')
}
