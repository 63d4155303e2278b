import type { Config } from '../../../config/config.ts'
import { ResultError } from '../../../errors.ts'
import { safeUrl } from '../../../safe-url.ts'
import { type RedisTls, redisTls } from './python-tls.ts'

/** The settings of a `Config` that connections to Redis need. */
export type RedisSettings = Partial<
  Pick<
    Config,
    | 'redis_backend_health_check_interval'
    | 'redis_backend_use_ssl'
    | 'redis_client_name'
    | 'redis_db'
    | 'redis_host'
    | 'redis_password'
    | 'redis_port'
    | 'redis_retry_on_timeout'
    | 'redis_socket_connect_timeout'
    | 'redis_socket_keepalive'
    | 'redis_socket_timeout'
    | 'redis_username'
  >
>

interface RedisAddress {
  readonly host: string
  readonly port: number
  readonly db: number
  readonly username?: string
  readonly password?: string
  readonly tls?: RedisTls
}

const DEFAULT_PORT = 6379

/** Where a `redis://` or `rediss://` url points to, as Celery reads it; what it leaves open may come from settings. */
export function redisAddress(url: string, settings: RedisSettings = {}): RedisAddress {
  const parsed = parse(url)
  const username = decodeURIComponent(parsed.username) || settings.redis_username
  const password = decodeURIComponent(parsed.password) || settings.redis_password
  const tls = redisTls(parsed, settings.redis_backend_use_ssl ?? null)
  return {
    host:
      decodeURIComponent(parsed.hostname).replace(/^\[|\]$/g, '') ||
      settings.redis_host ||
      'localhost',
    port: parsed.port === '' ? (settings.redis_port ?? DEFAULT_PORT) : Number(parsed.port),
    db: databaseOf(parsed, url) ?? settings.redis_db ?? 0,
    ...(username && { username }),
    ...(password && { password }),
    ...(tls && { tls }),
  }
}

function parse(given: string): URL {
  // A bare name, as in Celery: everything else is for settings to say.
  const url = given.includes(':') ? given : `${given}://`
  // Not by what the constructor throws: that error holds the url, with its password.
  const whole = withEncodedLogin(url)
  if (!URL.canParse(whole)) throw unreadableUrl(given, 'expected redis://user:password@host:6379/0')
  return new URL(whole)
}

/** A login with a / or a ? in it would end there for URL, and its beginning be the host. */
function withEncodedLogin(url: string): string {
  const start = url.indexOf('://') + 3
  const query = url.indexOf('?')
  const beforeQuery = query < 0 ? -1 : url.lastIndexOf('@', query)
  const end = beforeQuery > start ? beforeQuery : url.lastIndexOf('@')
  if (start < 3 || end <= start) return url
  const login = url.slice(start, end).replace(/[/?#@[\]\\]/g, encodeURIComponent)
  return url.slice(0, start) + login + url.slice(end)
}

/** The path, or the parameter virtual_host or db. */
function databaseOf({ pathname, searchParams }: URL, url: string): number | undefined {
  const text = searchParams.get('db') ?? searchParams.get('virtual_host') ?? pathname
  const digits = text.replaceAll('/', '')
  if (!/^\d*$/.test(digits)) throw unreadableUrl(url, 'its database is not a number')
  return digits === '' ? undefined : Number(digits)
}

function unreadableUrl(url: string, why: string): ResultError {
  return new ResultError(
    'RESULT_BACKEND_UNKNOWN',
    `result_backend "${safeUrl(url)}" cannot be read: ${why}`,
  )
}
