import type { Config } from '../../config/config.ts'
import { retentionMs } from '../../config/retention.ts'
import type { Database } from '../../database/database.ts'
import { periodic } from '../../lifecycle/periodic.ts'
import { type Service, service } from '../../lifecycle/service.ts'
import type { Logger } from '../../logger.ts'
import { pruneHistory } from './prune-history.ts'
import type { Retention } from './types.ts'

/** The settings that say how long what is kept, and how often that is looked at. */
export type RetentionSettings = Partial<Pick<Config, 'RETENTION' | 'PRUNE_EVERY'>>

interface PruneTimerOptions {
  readonly logger: Logger
  /** Instead of PRUNE_EVERY. */
  readonly everyMs?: number | undefined
}

/** The first look is soon after the start, as monitors may be restarted more often than they look. */
const FIRST_AFTER_MS = 60_000

/**
 * Prunes now and then, while the monitor runs. Of many monitors one does it at a time. A stop cuts short what is being
 * deleted, between two batches.
 */
export function pruneTimer(
  database: Database,
  settings: RetentionSettings,
  { logger, everyMs = (settings.PRUNE_EVERY ?? 3_600) * 1_000 }: PruneTimerOptions,
): Service {
  const retention = retentionOf(settings.RETENTION ?? {})
  // Without RETENTION history stays; bodies that were kept for messages go at their own time.
  const keepsAll = Object.values(retention).every((keep) => keep === undefined)
  if (everyMs <= 0) return service({ name: 'no pruning' })
  const prune = async (signal: AbortSignal): Promise<void> => {
    const pruned = await pruneHistory(database, { ...retention, signal })
    if (!pruned.isBusy && !(keepsAll && pruned.claims === 0))
      logger.info({ pruned }, 'old history pruned')
  }
  const firstAfterMs = Math.min(everyMs, FIRST_AFTER_MS)
  return periodic(prune, { name: 'pruning old history', everyMs, firstAfterMs, logger })
}

export function retentionOf(spans: NonNullable<RetentionSettings['RETENTION']>): Retention {
  return {
    tasksMs: retentionMs(spans.tasks),
    failuresMs: retentionMs(spans.failures),
    unfinishedMs: retentionMs(spans.unfinished),
    messagesMs: retentionMs(spans.messages),
    eventsMs: retentionMs(spans.events),
    quarantineMs: retentionMs(spans.quarantine),
  }
}
