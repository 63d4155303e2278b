import { readFileSync } from 'node:fs'
import { ResultError } from '../../errors.ts'
import { CERT_REQS, checksCertificate } from '../../protocol/cert-reqs.ts'

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
  for (const key of Object.keys(options)) {
    if (!KEYS.includes(key)) throw unfit(key, `is unknown, expected one of ${KEYS.join(', ')}`)
  }
  const authority = file(options, 'ssl_ca_certs') ?? text(options, 'ssl_ca_data')
  const cert = file(options, 'ssl_certfile')
  // As in Python, the certificate's file may hold its key too.
  const key = file(options, options.ssl_keyfile == null ? 'ssl_certfile' : 'ssl_keyfile')
  const passphrase = text(options, 'ssl_password')
  const ciphers = text(options, 'ssl_ciphers')
  return {
    rejectUnauthorized: verifies(options.ssl_cert_reqs),
    ...(authority !== undefined && { ca: authority }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(passphrase !== undefined && { passphrase }),
    ...(ciphers !== undefined && { ciphers }),
    ...(/^false$/i.test(String(options.ssl_check_hostname)) && {
      checkServerIdentity: () => undefined,
    }),
  }
}

function verifies(required: unknown): boolean {
  const isVerified = checksCertificate(required)
  if (isVerified !== undefined) return isVerified
  throw unfit('ssl_cert_reqs', `is ${String(required)}, expected ${CERT_REQS}`)
}

function file(options: Options, key: string): Buffer | undefined {
  const path = text(options, key)
  if (path === undefined) return undefined
  try {
    return readFileSync(path)
  } catch (cause) {
    throw unfit(key, `cannot be read: ${cause instanceof Error ? cause.message : path}`, cause)
  }
}

function text(options: Options, key: string): string | undefined {
  const value = options[key]
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string' && value !== '') return value
  throw unfit(key, `is ${String(value)}, expected a text`)
}

function unfit(key: string, why: string, cause?: unknown): ResultError {
  return new ResultError('RESULT_BACKEND_UNKNOWN', `TLS for Redis: ${key} ${why}`, { cause })
}
