import type { Command } from 'commander'
import { UsageError } from '../../errors.ts'
import type {
  ReinjectReport,
  ReinjectSelection,
  StillUnread,
} from '../../monitor/quarantine/reinject.ts'
import { openConfig } from '../app/open-app.ts'
import { DATABASE, JSON_OUTPUT } from '../options/common-options.ts'
import { openDatabaseOf } from '../options/open-database.ts'
import { positiveInteger } from '../options/option-values.ts'
import { print, printError, printJson, printTable, wantsJson } from '../output/output.ts'
import { Progress } from '../output/progress.ts'
import type { Column } from '../output/table.ts'
import type { TasksOptions } from '../tasks/options/options.ts'

interface ReinjectCommandOptions extends TasksOptions {
  readonly code?: string
  readonly all?: boolean
  readonly dryRun?: boolean
}

export function addReinject(quarantine: Command): void {
  quarantine
    .command('reinject')
    .argument('[ids...]', 'the messages to read again', gathered)
    .description('read messages in quarantine again, and record those that can be read now')
    .option('--code <code>', 'all messages with this code')
    .option('--all', 'all messages')
    .option('--dry-run', 'show what would happen, and change nothing')
    .option(...DATABASE)
    .option(...JSON_OUTPUT)
    .action(async (ids: readonly number[], _options, command: Command) => {
      await runReinject(ids ?? [], command.optsWithGlobals<ReinjectCommandOptions>())
    })
}

async function runReinject(ids: readonly number[], options: ReinjectCommandOptions): Promise<void> {
  const { reinject } = await import('../../monitor/quarantine/reinject.ts')
  const selection = selectionOf(ids, options)
  const config = await openConfig(options)
  await using database = await openDatabaseOf(config, options)
  let progress: Progress | undefined
  const report = await reinject(database, selection, {
    config,
    dryRun: options.dryRun === true,
    onProgress: ({ done, total }) => {
      progress ??= new Progress({ title: 'messages read again', total })
      progress.update(done)
    },
  })
  progress?.end()
  if (wantsJson(options)) printJson(report)
  else printReport(report)
  if (report.missing.length === 0) return
  printError(`error: not in quarantine, or resolved already: ${report.missing.join(', ')}`)
  process.exitCode = 1
}

function selectionOf(
  ids: readonly number[],
  { code, all }: ReinjectCommandOptions,
): ReinjectSelection {
  const given = [
    ...(ids.length > 0 ? [`the ids ${ids.join(', ')}`] : []),
    ...(code !== undefined ? [`--code ${code}`] : []),
    ...(all === true ? ['--all'] : []),
  ]
  if (given.length !== 1) {
    throw new UsageError(
      `name the messages by their ids, by --code or with --all; given: ${given.join(' and ') || 'none of them'}`,
    )
  }
  if (code !== undefined) return { code }
  return all === true ? { all: true } : { ids }
}

function printReport({ looked, recorded, stillUnread, isDryRun }: ReinjectReport): void {
  print(`${recorded} of ${looked} ${isDryRun ? 'can be read now' : 'are read and recorded'}`)
  if (stillUnread.length === 0) return
  print('\nthe others stay:\n')
  printTable(COLUMNS, stillUnread)
}

const COLUMNS: readonly Column<StillUnread>[] = [
  { title: 'messages', value: ({ count }) => count, align: 'right' },
  { title: 'first id', value: ({ firstId }) => firstId, align: 'right' },
  { title: 'code', value: ({ code }) => code, isWhole: true },
  { title: 'reason', value: ({ reason }) => reason },
]

function gathered(text: string, before: readonly number[] | undefined): readonly number[] {
  return [...(before ?? []), positiveInteger(text)]
}
