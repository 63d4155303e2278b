import { ResultError } from '../../../errors.ts'
import { PythonTlsOptions } from '../../../python-tls-options.ts'

export interface RedisTls {
  readonly rejectUnauthorized: boolean
  readonly ca?: Buffer | string
  readonly cert?: Buffer
  readonly key?: Buffer
  readonly passphrase?: string
  readonly ciphers?: string
  /** Instead of the check of the host name. */
  readonly checkServerIdentity?: () => undefined
}

type Options = Readonly<Record<string, unknown>>

const KEYS = [
  'ssl_ca_certs',
  'ssl_ca_data',
  'ssl_cert_reqs',
  'ssl_certfile',
  'ssl_check_hostname',
  'ssl_ciphers',
  'ssl_keyfile',
  'ssl_password',
]

/**
 * What redis_backend_use_ssl and the url ask for, under redis-py's names, of which those in the url win,
 * https://docs.celeryq.dev/en/stable/userguide/configuration.html#redis-backend-use-ssl. Undefined: no TLS.
 */
export function redisTls(
  { protocol, searchParams }: URL,
  setting: Options | null,
): RedisTls | undefined {
  const inUrl = [...searchParams].filter(([name, value]) => /^ssl_/.test(name) && value !== '')
  if (protocol !== 'rediss:') {
    // As in Celery: without this the connection would be plain.
    if (inUrl.length > 0) throw unfit(inUrl[0]?.[0] ?? '', 'needs a rediss:// url')
    if (setting === null) return undefined
  }
  return nodeTls({ ...setting, ...Object.fromEntries(inUrl) })
}

function nodeTls(options: Options): RedisTls {
  const given = new PythonTlsOptions(options, { known: KEYS, unfit })
  const authority = given.authorities('ssl_ca_certs') ?? given.text('ssl_ca_data')
  const passphrase = given.text('ssl_password')
  const ciphers = given.ciphers('ssl_ciphers')
  return {
    rejectUnauthorized: given.checksCertificate('ssl_cert_reqs'),
    ...(authority !== undefined && { ca: authority }),
    ...given.ownCertificate('ssl_certfile', 'ssl_keyfile', passphrase),
    ...(passphrase !== undefined && { passphrase }),
    ...(ciphers !== undefined && { ciphers }),
    ...(/^false$/i.test(String(options.ssl_check_hostname)) && {
      checkServerIdentity: () => undefined,
    }),
  }
}

function unfit(key: string, why: string, cause?: unknown): ResultError {
  return new ResultError('RESULT_BACKEND_UNKNOWN', `TLS for Redis: ${key} ${why}`, { cause })
}
