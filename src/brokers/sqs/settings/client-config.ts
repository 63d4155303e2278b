import { optionRefused } from '../connecting/server-errors.ts'
import {
  dictIn,
  numberIn,
  type Option,
  type Options,
  optionOf,
  textIn,
  unfit,
  wholeNumberIn,
} from './option-values.ts'

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
const NAME = 'client-config'

/** Retries are the broker's own: a publish until its deadline, all else until it succeeds. Sockets are kept by it as well. */
const WITHOUT_EFFECT = ['retries', 'tcp_keepalive']
const KNOWN = [
  'connect_timeout',
  'max_pool_connections',
  'read_timeout',
  'region_name',
  'user_agent_extra',
  ...WITHOUT_EFFECT,
]

/** kombu's `client-config`. */
export function readClientConfig(options: Options): ClientConfig {
  const config = dictIn(optionOf(options, NAME))
  for (const name of Object.keys(config)) {
    if (!KNOWN.includes(name)) {
      throw optionRefused(`${NAME}.${name}`, `expected one of ${KNOWN.toSorted().join(', ')}`)
    }
  }
  const option = (key: string): Option => optionOf(config, key, `${NAME}.${key}`)
  return {
    connectTimeoutMs: millisecondsIn(option('connect_timeout')) ?? CONNECT_TIMEOUT_MS,
    readTimeoutMs: millisecondsIn(option('read_timeout')),
    maxSockets: wholeNumberIn(option('max_pool_connections'), SOCKETS) ?? MOST_SOCKETS,
    userAgent: textIn(option('user_agent_extra')),
    region: textIn(option('region_name')),
  }
}

/** Options of `client-config` that are given and do nothing, by their full names. */
export function idleClientOptions(options: Options): readonly string[] {
  const config = dictIn(optionOf(options, NAME))
  return WITHOUT_EFFECT.filter((name) => config[name] !== undefined).map(
    (name) => `${NAME}.${name}`,
  )
}

const SOCKETS = { least: 1, most: 65_536 }
/** The SDK's timers count in 32 bits, and one of them takes the sum of two of these times. */
const LONGEST_MS = 2 ** 30 - 1

function millisecondsIn(option: Option): number | undefined {
  if (option.value === undefined) return undefined
  const seconds = numberIn(option)
  if (seconds !== undefined && seconds > 0) return Math.min(seconds * 1_000, LONGEST_MS)
  throw unfit(option, 'seconds, above 0')
}
