import type { Command } from 'commander'
import type { TableSize } from '../../monitor/retention/size-report.ts'
import { DATABASE, JSON_OUTPUT } from '../options/common-options.ts'
import { openCommandDatabase } from '../options/open-database.ts'
import { printJson, printTable, wantsJson } from '../output/output.ts'
import type { Column } from '../output/table.ts'
import type { TasksOptions } from './options/options.ts'

export function addSize(tasks: Command): void {
  tasks
    .command('size')
    .description('show the disk space of the history, by table and by day')
    .option(...DATABASE)
    .option(...JSON_OUTPUT)
    .action(async (_options, command: Command) => {
      await runSize(command.optsWithGlobals<TasksOptions>())
    })
}

async function runSize(options: TasksOptions): Promise<void> {
  const { sizeReport } = await import('../../monitor/retention/size-report.ts')
  await using database = await openCommandDatabase(options)
  const sizes = await sizeReport(database)
  if (wantsJson(options)) printJson(sizes)
  else printTable(COLUMNS, sizes)
}

const COLUMNS: readonly Column<TableSize>[] = [
  {
    title: 'table',
    value: ({ table, day, partitionOf }) => (partitionOf === null ? table : `  ${day ?? table}`),
    isWhole: true,
  },
  { title: 'rows (about)', value: ({ rows }) => rows, align: 'right' },
  { title: 'data', value: ({ tableBytes }) => bytesText(tableBytes), align: 'right' },
  { title: 'indexes', value: ({ indexBytes }) => bytesText(indexBytes), align: 'right' },
  { title: 'total', value: ({ totalBytes }) => bytesText(totalBytes), align: 'right' },
  {
    title: 'largest index',
    value: ({ indexes: [largest] }) =>
      largest === undefined ? null : `${largest.name} ${bytesText(largest.bytes)}`,
  },
]

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

function bytesText(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10))
  const amount = bytes / 1024 ** power
  return `${power === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${UNITS[power]}`
}
