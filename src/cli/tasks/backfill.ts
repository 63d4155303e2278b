import type { Command } from 'commander'
import { countText, grouped } from '../../count-text.ts'
import { DATABASE, JSON_OUTPUT } from '../options/common-options.ts'
import { openCommandDatabase } from '../options/open-database.ts'
import { count, positiveInteger } from '../options/option-values.ts'
import { print, printJson, wantsJson } from '../output/output.ts'
import { Progress } from '../output/progress.ts'
import type { TasksOptions } from './options/options.ts'

interface BackfillCommandOptions extends TasksOptions {
  readonly batchSize: number
  readonly afterId?: number
}

const EXAMPLES = `
Takes over the results that celery_taskmeta holds from before the monitor was there. You may interrupt it and run it again,
also while monitors run: tasks that are recorded already are not changed.

Examples:
  celery-toolbox tasks backfill --database postgresql://worker@db.example/history
  celery-toolbox tasks backfill --after-id 2500000`

export function addBackfill(tasks: Command): void {
  tasks
    .command('backfill')
    .description('record the results that were stored before there was a monitor')
    .option('--batch-size <n>', 'results per batch', positiveInteger, 1000)
    .option('--after-id <id>', 'continue after this id of celery_taskmeta', count)
    .option(...DATABASE)
    .option(...JSON_OUTPUT)
    .addHelpText('after', EXAMPLES)
    .action(async (_options, command: Command) => {
      await runBackfill(command.optsWithGlobals<BackfillCommandOptions>())
    })
}

async function runBackfill(options: BackfillCommandOptions): Promise<void> {
  const { backfill, countStored } = await import('../../monitor/states/backfill.ts')
  const { requireMigrations } = await import('../../database/migrate.ts')
  const { batchSize, afterId } = options
  await using database = await openCommandDatabase(options)
  await requireMigrations(database)
  const total = await countStored(database, afterId)
  const progress = new Progress({ title: 'results recorded', total })
  const done = await backfill(database, {
    batchSize,
    ...(afterId !== undefined && { afterId }),
    onProgress: ({ done }) => progress.update(done),
  })
  progress.end()
  if (wantsJson(options)) printJson(done)
  else
    print(
      `${countText(done.added, 'task')} added, ${grouped(done.changed - done.added)} brought up to date, up to id ${done.lastId}`,
    )
  if (!wantsJson(options) && done.nameless > 0)
    print(
      `${countText(done.nameless, 'result')} without a name left out: their calls are not known (result_extended is off)`,
    )
}
