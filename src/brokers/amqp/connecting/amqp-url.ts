import { BrokerError } from '../../../errors.ts'
import { safeUrl } from '../../../safe-url.ts'

export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'

/** What Node's `tls.connect` takes, as far as a broker's certificates go. */
export interface AmqpTls {
  readonly ca?: string | Buffer | readonly (string | Buffer)[]
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  readonly passphrase?: string
  readonly servername?: string
  readonly rejectUnauthorized?: boolean
  readonly ciphers?: string | undefined
  readonly minVersion?: TlsVersion
  readonly maxVersion?: TlsVersion
  /** Instead of the check of the host name. */
  readonly checkServerIdentity?: () => undefined
}

export interface AmqpTarget {
  readonly protocol: 'amqp' | 'amqps'
  readonly hostname: string
  readonly port: number
  readonly username: string
  readonly password: string
  readonly vhost: string
  readonly heartbeatSeconds: number | undefined
  /** What `?ssl=…` and `?ssl_ca_certs=…` ask for, under py-amqp's names; undefined where they are not there. */
  readonly ssl: Readonly<Record<string, string>> | undefined
}

const LAST_PORT = 65_535

const PARTS =
  /^(amqps?):\/\/(?:([^/]*)@)?(\[[^\]]*\]|[^:/?#@]*)(?::(\d*))?(?:\/([^?#]*))?(?:\?([^#]*))?$/i

/** Reads an AMQP url; what is missing is as in Celery: guest with the password guest at localhost, virtual host "/". */
export function parseAmqpUrl(url: string, { isTls = false } = {}): AmqpTarget {
  const parts = PARTS.exec(url)
  // An @ behind the first / is the end of a password with a / in it, whose beginning would pass for the host.
  if (parts === null || (parts[2] === undefined && parts[5]?.includes('@'))) {
    throw unreadable(url, 'amqp://user:password@host:port/vhost')
  }
  const [, scheme = '', login = '', host = '', port = '', vhost = '', query = ''] = parts
  if (Number(port) > LAST_PORT) throw unreadable(url, `a port up to ${LAST_PORT}`)
  const parameters = new URLSearchParams(query)
  const ssl = sslOf(parameters)
  const isSecure = isTls || ssl !== undefined || scheme.toLowerCase() === 'amqps'
  const protocol = isSecure ? 'amqps' : 'amqp'
  return {
    protocol,
    hostname: host.replace(/^\[|\]$/g, '') || 'localhost',
    port: Number(port) || (protocol === 'amqp' ? 5672 : 5671),
    ...loginOf(login),
    vhost: decoded(vhost) || '/',
    heartbeatSeconds: heartbeatOf(url, parameters.get('heartbeat') ?? ''),
    ssl,
  }
}

function unreadable(url: string, expected: string): BrokerError {
  return new BrokerError(
    'BROKER_UNREACHABLE',
    `cannot read the broker url ${safeUrl(url)}; expected ${expected}`,
  )
}

function heartbeatOf(url: string, text: string): number | undefined {
  if (text === '') return undefined
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text)
  throw unreadable(url, 'a number of seconds for heartbeat')
}

function loginOf(login: string): Pick<AmqpTarget, 'username' | 'password'> {
  const colon = login.indexOf(':')
  const username = colon < 0 ? login : login.slice(0, colon)
  const password = colon < 0 ? '' : login.slice(colon + 1)
  return { username: decoded(username) || 'guest', password: decoded(password) || 'guest' }
}

/** As in kombu, any text at all in `ssl` asks for TLS, "false" too: nothing is sent in plain text by mistake. */
function sslOf(parameters: URLSearchParams): Readonly<Record<string, string>> | undefined {
  const options = [...parameters].filter(([name, value]) => /^ssl_/.test(name) && value !== '')
  if (options.length === 0 && (parameters.get('ssl') ?? '') === '') return undefined
  return Object.fromEntries(options.map(([name, value]) => [name.replace('ssl_', ''), value]))
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A bare percent sign in a password: it means itself.
    return text
  }
}
