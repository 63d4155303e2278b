import type { Redis } from 'ioredis'
import { withDeadline } from '../async/with-deadline.ts'
import type { Logger } from '../logger.ts'

/**
 * Closes a connection over which no answer comes, as where a network swallows packets: the driver opens another one, and
 * sends again what was not answered.
 */
export async function closeIfSilent(
  redis: Redis,
  { answerMs, safeUrl, logger }: { answerMs: number; safeUrl: string; logger: Logger },
): Promise<void> {
  if (redis.status !== 'ready') return
  try {
    await withDeadline(redis.ping(), answerMs, () => new Error(`no answer in ${answerMs} ms`))
  } catch (error) {
    if (redis.status !== 'ready') return
    logger.warn({ redis: safeUrl, error }, 'redis connection silent, closing it')
    redis.disconnect(true)
  }
}
