import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { BrokerError } from '../../../errors.ts'
import type { AmqpTls } from './amqp-url.ts'

/** Celery's broker_use_ssl: true, or the options of py-amqp (`ca_certs`, `certfile`, `cert_reqs`, …). */
export type PythonTls = boolean | Readonly<Record<string, unknown>>

const KEYS = [
  'ca_certs',
  'cert_reqs',
  'certfile',
  'ciphers',
  'keyfile',
  'server_hostname',
  'ssl_version',
]
const UNVERIFIED = /^(?:CERT_)?NONE$|^0$/i
const VERIFIED = /^(?:CERT_)?(?:OPTIONAL|REQUIRED)$|^[12]$/i

/**
 * What Node's TLS is to do for py-amqp's options, https://docs.celeryq.dev/en/stable/userguide/configuration.html#broker-use-ssl.
 * As there, certificates are checked unless cert_reqs is CERT_NONE, and the host name where server_hostname is there: None
 * stands for the host of the url. Files are read now.
 */
export function nodeTls(given: PythonTls, host: string): AmqpTls {
  const options = typeof given === 'boolean' ? {} : given
  for (const key of Object.keys(options)) {
    if (!KEYS.includes(key)) throw unfit(key, `is unknown, expected one of ${KEYS.join(', ')}`)
  }
  const name = options.server_hostname === null ? host : text(options, 'server_hostname')
  const isVerified = verifies(options)
  if (!isVerified && name !== undefined) {
    throw unfit('cert_reqs', 'is CERT_NONE, which cannot check the server_hostname beside it')
  }
  return {
    rejectUnauthorized: isVerified,
    ...file(options, 'ca_certs', 'ca'),
    ...file(options, 'certfile', 'cert'),
    // As in Python, the certificate's file may hold its key too.
    ...file(options, options.keyfile == null ? 'certfile' : 'keyfile', 'key'),
    ...(name === undefined ? { checkServerIdentity: () => undefined } : identity(name)),
    ...(options.ciphers == null ? {} : { ciphers: text(options, 'ciphers') }),
  }
}

/** An address cannot be asked for by name (RFC 6066); Node checks it against the certificate by itself. */
function identity(name: string): AmqpTls {
  return isIP(name) === 0 ? { servername: name } : {}
}

function verifies({ cert_reqs: required }: Readonly<Record<string, unknown>>): boolean {
  if (required === undefined || required === null) return true
  const shown = String(required)
  if (UNVERIFIED.test(shown)) return false
  if (VERIFIED.test(shown)) return true
  throw unfit('cert_reqs', `is ${shown}, expected CERT_NONE, CERT_OPTIONAL or CERT_REQUIRED`)
}

function file<Name extends string>(
  options: Readonly<Record<string, unknown>>,
  key: string,
  name: Name,
): { readonly [Key in Name]?: Buffer } {
  const path = text(options, key)
  if (path === undefined) return {}
  try {
    return { [name]: readFileSync(path) } as { [Key in Name]: Buffer } // the computed key is the name
  } catch (cause) {
    throw unfit(key, `cannot be read: ${cause instanceof Error ? cause.message : path}`, cause)
  }
}

function text(options: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const value = options[key]
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string' && value !== '') return value
  throw unfit(key, `is ${String(value)}, expected a text`)
}

function unfit(key: string, why: string, cause?: unknown): BrokerError {
  return new BrokerError('BROKER_UNREACHABLE', `TLS for the broker: ${key} ${why}`, { cause })
}
