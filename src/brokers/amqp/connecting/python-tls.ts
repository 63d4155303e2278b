import { isIP } from 'node:net'
import { BrokerError } from '../../../errors.ts'
import { PythonTlsOptions } from '../../../python-tls-options.ts'
import type { AmqpTls, TlsVersion } from './amqp-url.ts'

type Options = Readonly<Record<string, unknown>>

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
  'tls_maximum_version',
  'tls_minimum_version',
]
/** Python's ssl.TLSVersion by name and number; those that stand for the lowest and the highest there are, are for Node to know. */
const VERSIONS: ReadonlyMap<string, TlsVersion | undefined> = new Map([
  ['TLSv1', 'TLSv1'],
  ['769', 'TLSv1'],
  ['TLSv1_1', 'TLSv1.1'],
  ['770', 'TLSv1.1'],
  ['TLSv1_2', 'TLSv1.2'],
  ['771', 'TLSv1.2'],
  ['TLSv1_3', 'TLSv1.3'],
  ['772', 'TLSv1.3'],
  ['MINIMUM_SUPPORTED', undefined],
  ['-2', undefined],
  ['MAXIMUM_SUPPORTED', undefined],
  ['-1', undefined],
])
/** ssl.PROTOCOL_…, of which the last three allow one version alone. */
const PROTOCOLS: ReadonlyMap<string, TlsVersion | undefined> = new Map([
  ['PROTOCOL_TLS', undefined],
  ['2', undefined],
  ['PROTOCOL_TLS_CLIENT', undefined],
  ['16', undefined],
  ['PROTOCOL_TLSv1', 'TLSv1'],
  ['3', 'TLSv1'],
  ['PROTOCOL_TLSv1_1', 'TLSv1.1'],
  ['4', 'TLSv1.1'],
  ['PROTOCOL_TLSv1_2', 'TLSv1.2'],
  ['5', 'TLSv1.2'],
])

/**
 * What Node's TLS is to do for py-amqp's options, https://docs.celeryq.dev/en/stable/userguide/configuration.html#broker-use-ssl.
 * As there, certificates are checked unless cert_reqs is CERT_NONE, and the host name where server_hostname is there: None
 * stands for the host of the url. Files are read now.
 */
export function nodeTls(given: PythonTls, host: string): AmqpTls {
  const options = typeof given === 'boolean' ? {} : given
  const read = new PythonTlsOptions(options, { known: KEYS, unfit })
  const name = options.server_hostname === null ? host : read.text('server_hostname')
  const isVerified = read.checksCertificate('cert_reqs')
  if (!isVerified && name !== undefined) {
    throw unfit('cert_reqs', 'is CERT_NONE, which cannot check the server_hostname beside it')
  }
  const ca = read.authorities('ca_certs')
  const ciphers = read.ciphers('ciphers')
  return {
    rejectUnauthorized: isVerified,
    ...(ca !== undefined && { ca }),
    ...read.ownCertificate('certfile', 'keyfile'),
    ...(name === undefined ? { checkServerIdentity: () => undefined } : identity(name)),
    ...(ciphers !== undefined && { ciphers }),
    ...versions(options),
  }
}

function versions(options: Options): Pick<AmqpTls, 'minVersion' | 'maxVersion'> {
  const only = oneOf(options, 'ssl_version', PROTOCOLS)
  const minVersion = oneOf(options, 'tls_minimum_version', VERSIONS) ?? only
  const maxVersion = oneOf(options, 'tls_maximum_version', VERSIONS) ?? only
  // Their names are in the order of the versions.
  if (minVersion && maxVersion && minVersion > maxVersion) {
    throw unfit('tls_minimum_version', `is ${minVersion}, and the highest allowed is ${maxVersion}`)
  }
  return { ...(minVersion && { minVersion }), ...(maxVersion && { maxVersion }) }
}

function oneOf(
  options: Options,
  key: string,
  known: ReadonlyMap<string, TlsVersion | undefined>,
): TlsVersion | undefined {
  const value = options[key]
  if (value === undefined || value === null) return undefined
  if (known.has(String(value))) return known.get(String(value))
  const names = [...known.keys()].filter((name) => !/^-?\d/.test(name))
  throw unfit(key, `is ${String(value)}, expected one of ${names.join(', ')}`)
}

/** An address cannot be asked for by name (RFC 6066); Node checks it against the certificate by itself. */
function identity(name: string): AmqpTls {
  return isIP(name) === 0 ? { servername: name } : {}
}

function unfit(key: string, why: string, cause?: unknown): BrokerError {
  return new BrokerError('BROKER_UNREACHABLE', `TLS for the broker: ${key} ${why}`, { cause })
}
