import { BrokerError } from '../../../errors.ts'

/**
 * What a failed call asks for:
 * - `missing`: there is no such queue
 * - `away`: the server cannot be reached, or fails: wait, and try again
 * - `busy`: it is there and wants fewer calls
 * - `login`: credentials that are missing, or have expired: they may be renewed
 * - `refused`: the call itself is wrong, or not allowed; again would be the same
 */
type SqsFailure = 'missing' | 'away' | 'busy' | 'login' | 'refused'

const MISSING = /NonExistentQueue|QueueDoesNotExist/
const BUSY =
  /Throttl|OverLimit|TooManyRequests|LimitExceeded|SlowDown|PriorRequestNotComplete|QueueDeletedRecently/
/** A clock that is wrong is among them: the SDK sets it by the answer. */
const LOGIN =
  /ExpiredToken|TokenRefreshRequired|RequestExpired|RequestInTheFuture|RequestTimeTooSkewed|UnrecognizedClient|InvalidClientTokenId|CredentialsProvider|Credentials/
const CLOCK = /Signature (?:expired|not yet current)/i
const TIMED_OUT = /RequestTimeout(?:Exception)?$/
const SERVER_ERROR = 500
const REQUEST_TIMEOUT = 408
const TOO_MANY = 429

export function failureOf(error: unknown): SqsFailure {
  const name = error instanceof Error ? error.name : ''
  const { httpStatusCode: status } = facts(error)
  const said = codeOf(error)
  if (MISSING.test(said)) return 'missing'
  if (BUSY.test(said) || status === TOO_MANY) return 'busy'
  if (LOGIN.test(said) || CLOCK.test(reasonOf(error))) return 'login'
  return status === undefined || isPassing(status) || TIMED_OUT.test(name) ? 'away' : 'refused'
}

/** The names that an error of a call goes by. */
export function codeOf(error: unknown): string {
  return `${error instanceof Error ? error.name : ''} ${facts(error).code}`
}

/** A body that is no answer of SQS, or fails its checksum, has a status that says it is well. */
function isPassing(status: number): boolean {
  return status < 400 || status >= SERVER_ERROR || status === REQUEST_TIMEOUT
}

/** Of one entry of a batch: whether it may succeed the next time. */
export function isEntryWorthRetrying({
  Code = '',
  SenderFault = false,
}: {
  readonly Code?: string | undefined
  readonly SenderFault?: boolean | undefined
}): boolean {
  return BUSY.test(Code) || !SenderFault
}

/** The message itself is refused, as one that is longer than its queue allows: neither time nor permissions mend that. */
export function isMessageUnfit(code = ''): boolean {
  return /InvalidMessageContents|InvalidParameterValue|MissingParameter|TooLong/.test(code)
}

/** A receipt that is no longer valid: another consumer may have the message, or it is gone. */
export function isExpiredReceipt(code: string | undefined): boolean {
  return /ReceiptHandleIsInvalid|MessageNotInflight|InvalidParameterValue|InvalidIdFormat/.test(
    code ?? '',
  )
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message === '' ? error.name : `${error.name}: ${error.message}`
}

export function optionRefused(name: string, why: string): BrokerError {
  return new BrokerError(
    'BROKER_UNREACHABLE',
    `broker_transport_options: "${name}" is not supported by sqs://: ${why}`,
  )
}

/** An option that is heeded, with a value that does not fit; `shown` has no secret in it. */
export function optionUnfit(name: string, shown: string, expected: string): BrokerError {
  return new BrokerError(
    'BROKER_UNREACHABLE',
    `broker_transport_options: "${name}" is ${shown}, expected ${expected}`,
  )
}

interface Facts {
  readonly httpStatusCode: number | undefined
  readonly code: string
}

function facts(error: unknown): Facts {
  if (typeof error !== 'object' || error === null) return { httpStatusCode: undefined, code: '' }
  const { $metadata, Code, code } = error as {
    $metadata?: { httpStatusCode?: number }
    Code?: string
    code?: string
  }
  return { httpStatusCode: $metadata?.httpStatusCode, code: String(Code ?? code ?? '') }
}
