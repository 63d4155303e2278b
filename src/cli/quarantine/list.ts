import type { Command } from 'commander'
import type { ListedMessage } from '../../monitor/quarantine/list-quarantine.ts'
import { DATABASE, JSON_OUTPUT } from '../options/common-options.ts'
import { openCommandDatabase } from '../options/open-database.ts'
import { positiveInteger } from '../options/option-values.ts'
import { printJson, printTable, wantsJson } from '../output/output.ts'
import type { Column } from '../output/table.ts'
import type { TasksOptions } from '../tasks/options/options.ts'

interface ListOptions extends TasksOptions {
  readonly code?: string
  readonly all?: boolean
  readonly limit: number
}

export function addQuarantineList(quarantine: Command): void {
  quarantine
    .command('list')
    .description('list the messages in quarantine, the latest first')
    .option('--code <code>', 'only messages with this code, such as MESSAGE_UNDECODABLE')
    .option('--all', 'also resolved messages')
    .option('--limit <n>', 'at most this many', positiveInteger, 50)
    .option(...DATABASE)
    .option(...JSON_OUTPUT)
    .action(async (_options, command: Command) => {
      await runList(command.optsWithGlobals<ListOptions>())
    })
}

async function runList(options: ListOptions): Promise<void> {
  const { listQuarantine } = await import('../../monitor/quarantine/list-quarantine.ts')
  const { code, all = false, limit } = options
  await using database = await openCommandDatabase(options)
  const messages = await listQuarantine(database, {
    withResolved: all,
    limit,
    ...(code !== undefined && { code }),
  })
  if (wantsJson(options)) printJson(messages)
  else printTable(COLUMNS, messages)
}

const COLUMNS: readonly Column<ListedMessage>[] = [
  { title: 'id', value: ({ id }) => id, align: 'right' },
  { title: 'received', value: ({ receivedAt }) => receivedAt },
  { title: 'queue', value: ({ queue }) => queue },
  { title: 'task id', value: ({ taskId }) => taskId },
  { title: 'bytes', value: ({ bodyBytes }) => bodyBytes, align: 'right' },
  { title: 'code', value: ({ code }) => code, isWhole: true },
  { title: 'reason', value: ({ reason }) => reason },
]
