import { type Command, InvalidArgumentError } from 'commander'
import type { Config } from '../../config/config.ts'
import { countText } from '../../count-text.ts'
import { UsageError } from '../../errors.ts'
import type {
  PrunedPartitions,
  PruneProgress,
  PruneReport,
  Retention,
} from '../../monitor/retention/types.ts'
import { timeSpanMs } from '../../time-span.ts'
import { openConfig } from '../app/open-app.ts'
import { DATABASE, JSON_OUTPUT } from '../options/common-options.ts'
import { openDatabaseOf } from '../options/open-database.ts'
import { positiveInteger } from '../options/option-values.ts'
import { print, printError, printJson, wantsJson } from '../output/output.ts'
import { Progress } from '../output/progress.ts'
import type { TasksOptions } from './options/options.ts'

interface PruneCommandOptions extends TasksOptions {
  readonly keep?: number
  readonly keepFailures?: number
  readonly keepMessages?: number
  readonly keepEvents?: number
  readonly keepQuarantine?: number
  readonly includeUnfinished?: boolean
  readonly dryRun?: boolean
  readonly batch?: number
}

const EXAMPLES = `
Drops old days of messages and events as whole partitions, and deletes tasks in small batches, so that monitors can keep writing.
Messages of failed and unfinished tasks are kept as long as their tasks. The ledger of replays is deleted with its tasks, a
worker once nothing was heard of it for as long as tasks are kept, and a body of CLAIM_CHECK once it has expired. If
the command is interrupted, the next run deletes the rest. Without --keep the setting RETENTION decides; monitors prune by it,
too (PRUNE_EVERY).

Examples:
  celery-toolbox tasks prune --keep 30d --dry-run
  celery-toolbox tasks prune --keep 30d --keep-failures 90d --keep-messages 7d --keep-events 7d`

export function addPrune(tasks: Command): void {
  tasks
    .command('prune')
    .description('delete old history')
    .option('--keep <span>', 'how long finished tasks are kept, such as 30d', span)
    .option(
      '--keep-failures <span>',
      'how long failed and lost tasks are kept (default: as --keep)',
      span,
    )
    .option('--keep-messages <span>', 'how long messages are kept (default: as --keep)', span)
    .option('--keep-events <span>', 'how long events are kept (default: as --keep)', span)
    .option(
      '--keep-quarantine <span>',
      'how long resolved messages are kept (default: as --keep)',
      span,
    )
    .option('--include-unfinished', 'also tasks without a known end, when older than --keep')
    .option('--dry-run', 'show what would be deleted, and delete nothing')
    .option('--batch <n>', 'rows that one transaction deletes (default: 2000)', positiveInteger)
    .option(...DATABASE)
    .option(...JSON_OUTPUT)
    .addHelpText('after', EXAMPLES)
    .action(async (_options, command: Command) => {
      await runPrune(command.optsWithGlobals<PruneCommandOptions>())
    })
}

async function runPrune(options: PruneCommandOptions): Promise<void> {
  const { pruneHistory } = await import('../../monitor/retention/prune-history.ts')
  const config = await openConfig(options)
  const retention = await retentionFor(config, options)
  await using database = await openDatabaseOf(config, options)
  const { dryRun = false, batch: batchSize } = options
  const steps = new Steps()
  const report = await pruneHistory(database, {
    ...retention,
    dryRun,
    ...(batchSize !== undefined && { batchSize }),
    onProgress: (progress) => steps.show(progress),
  })
  steps.end()
  if (wantsJson(options)) printJson(report)
  else if (!report.isBusy) printReport(report)
  if (report.isBusy) {
    printError('error: another prune is at work on this database; nothing was done')
    process.exitCode = 1
  }
}

/** What is given here counts; where nothing is, the setting does. */
async function retentionFor(config: Config, options: PruneCommandOptions): Promise<Retention> {
  const { keep, keepFailures, keepMessages = keep, keepEvents = keep } = options
  const { keepQuarantine = keep, includeUnfinished = false } = options
  if (includeUnfinished && keep === undefined) {
    throw new UsageError('--include-unfinished needs --keep, such as --keep 30d')
  }
  const given = {
    tasksMs: keep,
    failuresMs: keepFailures,
    unfinishedMs: includeUnfinished ? keep : undefined,
    messagesMs: keepMessages,
    eventsMs: keepEvents,
    quarantineMs: keepQuarantine,
  }
  if (isSaid(given)) return given
  const { retentionOf } = await import('../../monitor/retention/prune-timer.ts')
  const set = retentionOf(config.RETENTION)
  if (isSaid(set)) return set
  throw new UsageError('no age is given: use --keep 30d, or set RETENTION')
}

function isSaid(retention: Retention): boolean {
  return Object.values(retention).some((keep) => keep !== undefined)
}

/** One bar a step. */
class Steps {
  #step: string | undefined
  #progress: Progress | undefined

  show({ step, done, total }: PruneProgress): void {
    if (step !== this.#step) {
      this.end()
      this.#step = step
      this.#progress = new Progress({ title: TITLES[step], total })
    }
    this.#progress?.update(done)
  }

  end(): void {
    this.#progress?.end()
    this.#progress = undefined
  }
}

const TITLES = {
  tasks: 'tasks looked at',
  replays: 'replays looked at',
  messages: 'days of messages',
  events: 'days of events',
  workers: 'silent workers',
  quarantine: 'resolved messages',
  claims: 'expired bodies',
} as const

function printReport(report: PruneReport): void {
  const { tasks, replays, messages, events, workers, quarantine, claims } = report
  const { isDryRun, durationMs } = report
  print(`tasks        ${tasks}`)
  print(`replays      ${replays}`)
  print(`messages     ${partitionsText(messages)}`)
  print(`events       ${partitionsText(events)}`)
  print(`workers      ${workers}`)
  print(`quarantine   ${quarantine}`)
  print(`claims       ${claims}`)
  print(
    isDryRun ? 'would go; nothing was deleted' : `deleted in ${(durationMs / 1_000).toFixed(1)} s`,
  )
}

function partitionsText({ dropped, reduced, rows }: PrunedPartitions): string {
  const parts = [
    countText(dropped.length, 'day'),
    ...(reduced.length > 0 ? [`${reduced.length} but for what is kept longer`] : []),
    ...(rows > 0 ? [countText(rows, 'row')] : []),
  ]
  return parts.join(', ')
}

function span(text: string): number {
  const ms = timeSpanMs(text)
  if (ms !== undefined) return ms
  throw new InvalidArgumentError('Expected a span such as 12h, 30d or 8w.')
}
