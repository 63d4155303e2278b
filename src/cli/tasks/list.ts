import type { Command } from 'commander'
import { openCommandDatabase } from '../open-database.ts'
import { positiveInteger, since } from '../option-values.ts'
import { printJson, printTable, wantsJson } from '../output.ts'
import { TASK_COLUMNS } from './columns.ts'
import { DATABASE, JSON_OUTPUT, type TasksOptions } from './options.ts'

interface ListOptions extends TasksOptions {
  readonly name?: string
  readonly state?: string
  readonly queue?: string
  readonly since?: Date
  readonly limit: number
}

export function addList(tasks: Command): void {
  tasks
    .command('list')
    .description('list tasks, the latest first')
    .option('--name <name>', 'only tasks of this name, or whose names begin so')
    .option('--state <status>', 'only tasks with this status, such as FAILURE')
    .option('--queue <queue>', 'only tasks of this queue')
    .option('--since <when>', 'only what was published since: 30m, 2h, 7d, or a time', since)
    .option('--limit <n>', 'this many at most', positiveInteger, 50)
    .option(...DATABASE)
    .option(...JSON_OUTPUT)
    .action(async (_options, command: Command) => {
      await runList(command.optsWithGlobals<ListOptions>())
    })
}

async function runList(options: ListOptions): Promise<void> {
  const { listTasks } = await import('../../monitor/queries/list-tasks.ts')
  const { name, state: status, queue, since: from, limit } = options
  await using database = await openCommandDatabase(options)
  const tasks = await listTasks(database, {
    limit,
    ...(name !== undefined && { name }),
    ...(status !== undefined && { status: status.toUpperCase() }),
    ...(queue !== undefined && { queue }),
    ...(from !== undefined && { since: from }),
  })
  if (wantsJson(options)) printJson(tasks)
  else printTable(TASK_COLUMNS, tasks)
}
