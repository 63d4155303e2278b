import type { Redis } from 'ioredis'
import { isDoneWithin } from '../../../async/with-deadline.ts'
import type { Logger } from '../../../logger.ts'

/**
 * Closes a connection over which no answer comes, as where a network swallows packets: the driver opens another one, and
 * sends again what was not answered.
 */
export async function closeIfSilent(
  redis: Redis,
  { answerMs, safeUrl, logger }: { answerMs: number; safeUrl: string; logger: Logger },
): Promise<void> {
  if (redis.status !== 'ready' || (await isDoneWithin(answerMs, redis.ping()))) return
  // Closed meanwhile.
  if (redis.status !== 'ready') return
  logger.warn({ redis: safeUrl, answerMs }, 'redis connection silent, closing it')
  redis.disconnect(true)
}
