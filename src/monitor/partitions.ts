import type { Database } from '../database/database.ts'
import { periodic } from '../lifecycle/periodic.ts'
import type { Service } from '../lifecycle/service.ts'
import type { Logger } from '../logger.ts'

const DAYS_AHEAD = 7
const CHECK_EVERY_MS = 6 * 3_600_000

/**
 * Sees to it that messages and events have a partition for each of the days to come, before the first of them is written.
 * Without them the default partition takes everything, so a failure is no reason not to start.
 */
export function partitions(database: Database, logger: Logger): Service {
  return periodic(
    async () => {
      try {
        for (const table of ['message', 'event']) {
          await database.query('SELECT monitor.ensure_partitions($1, $2)', [table, DAYS_AHEAD])
        }
      } catch (error) {
        logger.warn({ err: error }, 'partitions for the next days not made, trying again later')
      }
    },
    { name: 'making partitions', everyMs: CHECK_EVERY_MS, startsWithTurn: true, logger },
  )
}
