import type { Redis, RedisOptions } from 'ioredis'
import { unlessAborted } from '../../../async/aborted.ts'
import { ConfigurationError } from '../../../errors.ts'
import type { Logger } from '../../../logger.ts'
import { isMissingDatabase, withoutArgumentsInErrors } from '../../../redis-errors.ts'
import { safeUrl } from '../../../safe-url.ts'
import { linkFailed } from '../link-failed.ts'
import { loadDriver } from '../load-driver.ts'

const MOST_DELAY_MS = 2_000

interface ConnectParts {
  readonly log: Logger
  /** Aborted, it ends a first connection that is being made. */
  readonly signal: AbortSignal
}

/** A connection that comes back by itself; commands wait while Redis is away. The first one has to succeed. */
export async function connectRedis(
  url: string,
  { log, signal }: ConnectParts,
  options: RedisOptions = {},
): Promise<Redis> {
  const { Redis } = await loadDriver(() => import('ioredis'), { name: 'ioredis', link: 'redis' })
  const redis = withoutArgumentsInErrors(
    new Redis(url, {
      lazyConnect: true,
      connectionName: 'celery-toolbox',
      maxRetriesPerRequest: null,
      retryStrategy: (attempt) => Math.min(50 * 2 ** attempt, MOST_DELAY_MS),
      ...options,
    }),
  )
  let isUp = false
  let refused: unknown
  redis.on('error', (error) => {
    if (isMissingDatabase(error)) refused = error
    if (isUp) log.warn({ redis: safeUrl(url), err: error }, 'redis unreachable, trying again')
  })
  try {
    signal.throwIfAborted()
    await unlessAborted(signal, redis.connect())
    // The driver would use database 0 instead.
    if (refused !== undefined) throw refused
  } catch (cause) {
    end(redis)
    throw linkFailed(`redis cannot connect to ${safeUrl(url)}`, cause)
  }
  isUp = true
  return redis
}

/** Without waiting for a server that may never answer. */
function end(redis: Redis): void {
  redis.disconnect()
  redis.stream?.destroy()
}

/** Refused before anything is opened. */
export function checkRedis(kind: string, url: unknown, name: unknown): void {
  if (typeof url !== 'string' || !/^rediss?:\/\//.test(url)) {
    const shown = typeof url === 'string' ? safeUrl(url) : String(url)
    throw new ConfigurationError(
      `redis ${kind}: the url is "${shown}", expected redis://host:6379/0`,
    )
  }
  if (typeof name === 'string' && name !== '') return
  throw new ConfigurationError(
    `redis ${kind} ${safeUrl(url)}: expected the name of a channel or stream, found ${JSON.stringify(name)}`,
  )
}
