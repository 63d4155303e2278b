import { BrokerError } from '../../../errors.ts'
import { safeUrl } from '../../../safe-url.ts'

export interface SqsUrl {
  /** Undefined where the SDK is to find them: environment, profile, role. */
  readonly credentials: SqsCredentials | undefined
  /** `host:port` of a server that is not Amazon's; undefined where the SDK knows where to go. */
  readonly host: string | undefined
}

export interface SqsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** A secret may hold any character, also `/` and `@` that are not escaped. */
const SHAPE = /^sqs:\/\/(?:(?<login>.*)@)?(?<host>[^@/?#]*)(?:\/[^@?]*)?(?<query>\?[^@]*)?$/is
const HOST = /^(?:\[[\da-f:.]+\]|[^[\]:]+)(?::\d{1,5})?$/i

/** Reads `sqs://KEY:SECRET@HOST:PORT`; everything after the scheme may be left out, as in Celery. */
export function parseSqsUrl(url: string): SqsUrl {
  const { login, host = '', query } = SHAPE.exec(url)?.groups ?? {}
  if (!SHAPE.test(url) || (host !== '' && !HOST.test(host))) {
    throw unreadableUrl(url, 'expected sqs://KEY:SECRET@HOST:PORT, or sqs:// for Amazon itself')
  }
  if (query !== undefined && query !== '?') {
    throw unreadableUrl(url, 'expected no query: options are broker_transport_options')
  }
  return { credentials: credentialsIn(url, login), host: host === '' ? undefined : host }
}

export function isAmazon(hostname: string): boolean {
  return /\.(?:amazonaws\.com(?:\.cn)?|api\.aws)$/i.test(hostname)
}

function credentialsIn(url: string, login: string | undefined): SqsCredentials | undefined {
  if (login === undefined || login === '' || login === ':') return undefined
  const colon = login.indexOf(':')
  const [key, secret] = colon < 0 ? [login, ''] : [login.slice(0, colon), login.slice(colon + 1)]
  if (key === '' || secret === '') {
    throw unreadableUrl(url, 'expected both halves of the login, KEY:SECRET, or neither')
  }
  return { accessKeyId: decoded(key), secretAccessKey: decoded(secret) }
}

/** A `%` of a secret that was not escaped stays what it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function unreadableUrl(url: string, expected: string): BrokerError {
  return new BrokerError(
    'BROKER_UNREACHABLE',
    `the broker url ${safeUrl(url)} cannot be read: ${expected}`,
  )
}
