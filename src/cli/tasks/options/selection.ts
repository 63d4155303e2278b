import type { Command } from 'commander'
import type { Database } from '../../../database/database.ts'
import { UsageError } from '../../../errors.ts'
import { positiveInteger, since } from '../../options/option-values.ts'

/** Tasks by what they are like, instead of by their ids. */
export interface SelectionOptions {
  readonly where?: string
  readonly failed?: boolean
  readonly since?: Date
  readonly limit?: number
}

/** The ids as arguments, and the options that describe tasks. */
export function addSelection(
  command: Command,
  help: { readonly ids: string; readonly since: string },
): Command {
  return command
    .argument('[ids...]', help.ids)
    .option('--where <sql>', 'tasks of monitor.task_history that match')
    .option('--failed', 'failed tasks')
    .option('--since <when>', help.since, since)
    .option('--limit <n>', 'at most this many, the oldest first', positiveInteger)
}

/** The ids given, each once, or those of the tasks that the options describe. */
export async function selectedIds(
  database: Database,
  ids: readonly string[],
  options: SelectionOptions,
): Promise<readonly string[]> {
  const { where, failed, limit } = options
  const isDescribed = where !== undefined || failed === true
  if (ids.length > 0) {
    if (isDescribed || options.since !== undefined) {
      throw new UsageError('give either ids, or --where, --failed and --since')
    }
    return [...new Set(ids)]
  }
  if (!isDescribed) throw new UsageError('name the tasks: by their ids, by --where, or by --failed')
  const { selectTasks } = await import('../../../monitor/replay/select-tasks.ts')
  const status = failed === true ? 'FAILURE' : undefined
  return await selectTasks(database, { where, status, since: options.since, limit })
}
