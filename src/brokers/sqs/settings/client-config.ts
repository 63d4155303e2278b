import { optionRefused } from '../connecting/server-errors.ts'

/** What of botocore's Config has an equal in the SDK for Node. */
export interface ClientConfig {
  readonly connectTimeoutMs: number
  /** Undefined: each call has the limit that its caller gives it. */
  readonly readTimeoutMs: number | undefined
  readonly maxSockets: number
  readonly userAgent: string | undefined
  readonly region: string | undefined
}

const CONNECT_TIMEOUT_MS = 5_000
/** Polls hold a socket each. */
const MOST_SOCKETS = 256

const KNOWN = new Set([
  'connect_timeout',
  'max_pool_connections',
  'read_timeout',
  'region_name',
  'retries',
  'tcp_keepalive',
  'user_agent_extra',
])

/** kombu's `client-config`. Retries are the broker's own: a publish until its deadline, all else until it succeeds. */
export function readClientConfig(given: unknown): ClientConfig {
  const config = (given ?? {}) as Readonly<Record<string, unknown>>
  if (typeof config !== 'object' || Array.isArray(config)) {
    throw optionRefused('client-config', 'expected a dict')
  }
  for (const name of Object.keys(config)) {
    if (!KNOWN.has(name)) {
      throw optionRefused(`client-config.${name}`, `expected one of ${[...KNOWN].join(', ')}`)
    }
  }
  const { user_agent_extra: userAgent, region_name: region } = config
  return {
    connectTimeoutMs: seconds(config, 'connect_timeout') ?? CONNECT_TIMEOUT_MS,
    readTimeoutMs: seconds(config, 'read_timeout'),
    maxSockets: numberOf(config, 'max_pool_connections') ?? MOST_SOCKETS,
    userAgent: typeof userAgent === 'string' ? userAgent : undefined,
    region: typeof region === 'string' ? region : undefined,
  }
}

/** The SDK's timers count in 32 bits, and one of them takes the sum of two of these times. */
const LONGEST_MS = 2 ** 30 - 1

function seconds(config: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const value = numberOf(config, name)
  return value === undefined ? undefined : Math.min(value * 1_000, LONGEST_MS)
}

function numberOf(config: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const value = config[name]
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number' && value > 0) return value
  throw optionRefused(`client-config.${name}`, 'expected a number above 0')
}
