import { readFileSync } from 'node:fs'
import type { ConnectionOptions as TlsOptions } from 'node:tls'
import { DatabaseError } from '../errors.ts'
import { safeUrl } from '../safe-url.ts'

/** What pg needs to connect; what a url does not say is left to pg's defaults (PGHOST, PGUSER, ...). */
interface ConnectionOptions {
  readonly host?: string
  readonly port?: number
  readonly user?: string
  readonly password?: string
  readonly database?: string
  readonly ssl?: false | TlsOptions
  readonly application_name?: string
  readonly options: string
}

/** SQLAlchemy's and Celery's ways to write the scheme: a driver after "+", a backend's "db+" before. */
const URL_SHAPE = /^(?:db\+)?postgres(?:ql)?(?:\+\w+)?:\/\/(.*)$/is
const AUTHORITY_SHAPE =
  /^(?:(?<user>[^:/@]*)(?::(?<password>.*))?@)?(?<host>\[[^\]]*\]|[^:/]*)(?::(?<port>\d*))?(?:\/(?<database>.*))?$/s

/** Reads `postgres://`, `postgresql+psycopg2://`, `db+postgresql://` and their like as libpq and SQLAlchemy do. */
export function connectionOptions(url: string): ConnectionOptions {
  const { parts, query } = split(url)
  const host = query.get('host')?.split(',')[0] || parts.host?.replace(/^\[|\]$/g, '')
  const [socketOrHost, hostPort] = hostAndPort(host)
  return compact({
    host: socketOrHost,
    port: portOf(hostPort || query.get('port') || parts.port, url),
    user: query.get('user') || parts.user,
    password: query.get('password') ?? parts.password,
    database: query.get('dbname') || parts.database,
    ssl: sslOf(query, url),
    application_name: query.get('application_name') ?? undefined,
    options: sessionOptions(query),
  })
}

/** The same place as a plain `postgresql://` url, as psql and other drivers read it. */
export function plainUrl(url: string): string {
  const rest = URL_SHAPE.exec(url)?.[1]
  if (rest === undefined) throw notPostgres(url)
  return `postgresql://${rest}`
}

function split(url: string) {
  const rest = URL_SHAPE.exec(url)?.[1]
  if (rest === undefined) throw notPostgres(url)
  const [, authority = '', search = ''] = /^(.*?)(?:\?([^?@]*))?$/s.exec(rest) ?? []
  const groups = AUTHORITY_SHAPE.exec(authority)?.groups
  if (groups === undefined) throw notPostgres(url)
  const parts = Object.fromEntries(Object.entries(groups).map(([key, text]) => [key, decode(text)]))
  return { parts, query: new URLSearchParams(search) }
}

/** SQLAlchemy also takes `?host=name:port`; a path is the folder of a unix socket and has no port. */
function hostAndPort(host: string | undefined): [string | undefined, string | undefined] {
  const match = /^([^/:]+):(\d+)$/.exec(host ?? '')
  return match === null ? [host, undefined] : [match[1], match[2]]
}

function portOf(text: string | undefined, url: string): number | undefined {
  if (text === undefined || text === '') return undefined
  const port = Number(text)
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port
  throw new DatabaseError(
    'DATABASE_UNREACHABLE',
    `the database url ${safeUrl(url)} has the port "${text}"; a port is 1 to 65535`,
  )
}

/** libpq's meaning of sslmode, but for `allow` and `prefer`, which connect without TLS as pg cannot try both. */
function sslOf(query: URLSearchParams, url: string): false | TlsOptions | undefined {
  const mode = query.get('sslmode') ?? undefined
  if (mode === undefined) return undefined
  if (['disable', 'allow', 'prefer'].includes(mode)) return false
  const files = {
    ca: read(query.get('sslrootcert')),
    cert: read(query.get('sslcert')),
    key: read(query.get('sslkey')),
  }
  if (mode === 'verify-full') return compact({ ...files, rejectUnauthorized: true })
  if (mode === 'verify-ca' || (mode === 'require' && files.ca !== undefined))
    return compact({ ...files, rejectUnauthorized: true, checkServerIdentity: () => undefined })
  if (mode === 'require') return compact({ ...files, rejectUnauthorized: false })
  throw new DatabaseError(
    'DATABASE_UNREACHABLE',
    `the database url ${safeUrl(url)} has sslmode "${mode}"; ` +
      'expected disable, allow, prefer, require, verify-ca or verify-full',
  )
}

/**
 * Sessions live on UTC: Celery's date_done is a timestamp without a zone, and is UTC by agreement. Without `jit`, unless the
 * url says otherwise: to compile a question to the views takes seconds, to answer it milliseconds.
 */
function sessionOptions(query: URLSearchParams): string {
  return ['-c jit=off', query.get('options'), '-c TimeZone=UTC'].filter(Boolean).join(' ')
}

function read(path: string | null): string | undefined {
  return path === null || path === 'system' ? undefined : readFileSync(path, 'utf8')
}

/** A "%" that starts no escape stands for itself: people write passwords as they are. */
function decode(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function compact<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const kept = Object.entries(value).filter(([, part]) => part !== undefined)
  // The entries are the object's own, less the undefined ones.
  return Object.fromEntries(kept) as { [K in keyof T]: Exclude<T[K], undefined> }
}

function notPostgres(url: string): DatabaseError {
  return new DatabaseError(
    'DATABASE_UNREACHABLE',
    `"${safeUrl(url)}" is not a PostgreSQL url; expected postgresql://user:password@host:5432/database`,
  )
}
