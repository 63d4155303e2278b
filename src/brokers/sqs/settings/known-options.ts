import type { Logger } from '../../../logger.ts'
import { optionRefused } from '../connecting/server-errors.ts'
import { idleClientOptions } from './client-config.ts'
import { dictIn, flagIn, numberIn, type Options, optionOf, unfit } from './option-values.ts'
import { idleQueueOptions } from './predefined-queues.ts'

/** Numbers of Celery's connection retries, which the retry policy of each publish decides here. */
const RETRY_NUMBERS = [
  'connect_retries_timeout',
  'interval_max',
  'interval_start',
  'interval_step',
  'max_retries',
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

const KNOWN = [
  ...RETRY_NUMBERS,
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
  'retry_policy',
  'sqs-creation-attributes',
  'sqs_base64_encoding',
  'sts_role_arn',
  'sts_token_buffer_time',
  'sts_token_timeout',
  'supports_fanout',
  'visibility_timeout',
  'wait_time_seconds',
].toSorted()

/** Throws for options that are unknown, that nothing here could obey, and for those without effect that do not even fit. */
export function refuseOptions(options: Options): void {
  for (const [name, value] of Object.entries(options)) {
    const reason = REFUSED[name]
    if (reason === undefined && !KNOWN.includes(name)) {
      throw optionRefused(name, `it is unknown, expected one of ${KNOWN.join(', ')}`)
    }
    if (reason !== undefined && value !== null && value !== undefined) {
      throw optionRefused(name, reason)
    }
  }
  if (flagIn(optionOf(options, 'supports_fanout')) === true) {
    throw optionRefused(
      'supports_fanout',
      'nothing is sent through SNS; events and control need no fanout here, see docs/sqs.md',
    )
  }
  for (const option of RETRY_NUMBERS.map((name) => optionOf(options, name))) {
    if (option.value !== undefined && numberIn(option) === undefined)
      throw unfit(option, 'a number')
  }
  dictIn(optionOf(options, 'retry_policy'))
}

/** Names the options that are given and do nothing. */
export function warnOfIdleOptions(given: Options = {}, log: Logger): void {
  const options = idleOptions(given)
  if (options.length === 0) return
  log.warn({ options }, 'these broker_transport_options have no effect on Amazon SQS')
}

function idleOptions(options: Options): readonly string[] {
  const isGiven = (name: string): boolean => optionOf(options, name).value !== undefined
  const ofRole = isGiven('sts_role_arn') ? [] : ['sts_token_timeout', 'sts_token_buffer_time']
  const idle = [...RETRY_NUMBERS, 'retry_policy', ...ofRole].filter(isGiven)
  return [...idle, ...idleClientOptions(options), ...idleQueueOptions(options)]
}
