import type { Command } from 'commander'
import type { ArgumentFilter } from '../../monitor/queries/argument-filter.ts'
import type { TaskFilters } from '../../monitor/queries/list-tasks.ts'
import { DATABASE, JSON_OUTPUT } from '../options/common-options.ts'
import { openCommandDatabase } from '../options/open-database.ts'
import { positiveInteger, since } from '../options/option-values.ts'
import { printError, printJson, printTable, wantsJson } from '../output/output.ts'
import { argument } from './options/argument-option.ts'
import { checkStatus } from './options/known-status.ts'
import type { TasksOptions } from './options/options.ts'
import { TASK_COLUMNS } from './text/columns.ts'

interface ListOptions extends TasksOptions {
  readonly name?: string
  readonly state?: string
  readonly queue?: string
  readonly worker?: string
  readonly since?: Date
  readonly until?: Date
  readonly arg?: readonly ArgumentFilter[]
  readonly text?: string
  readonly root?: string
  readonly creator?: string
  readonly after?: string
  readonly limit: number
}

export function addList(tasks: Command): void {
  tasks
    .command('list')
    .description('list tasks, the latest first')
    .option(
      '--name <name>',
      'only tasks of this name; "export.*": all names that begin with "export."',
    )
    .option('--state <status>', 'only tasks with this status, such as FAILURE')
    .option('--queue <queue>', 'only tasks of this queue')
    .option('--worker <worker>', 'only tasks that this worker has taken')
    .option('--since <when>', 'only tasks published since: 30m, 2h, 7d, or a time', since)
    .option('--until <when>', 'only tasks published before this time', since)
    .option(
      '--arg <path=value>',
      'only tasks called with it: slug=abc, options.page=3, 0=5; may be repeated',
      argument,
    )
    .option('--text <text>', 'only tasks with this text in name, arguments, exception or result')
    .option('--root <id>', 'only the family of this root')
    .option('--creator <id>', 'only tasks published with this creator_id')
    .option('--after <id>', 'only tasks after this one: the next page')
    .option('--limit <n>', 'at most this many', positiveInteger, 50)
    .option(...DATABASE)
    .option(...JSON_OUTPUT)
    .action(async (_options, command: Command) => {
      await runList(command.optsWithGlobals<ListOptions>())
    })
}

async function runList(options: ListOptions): Promise<void> {
  const { listTasks } = await import('../../monitor/queries/list-tasks.ts')
  await using database = await openCommandDatabase(options)
  const filters = filtersOf(options)
  const tasks = await listTasks(database, filters)
  if (tasks.length === 0 && filters.status !== undefined) {
    await checkStatus(database, filters.status)
  }
  if (wantsJson(options)) return printJson(tasks)
  printTable(TASK_COLUMNS, tasks)
  const last = tasks.at(-1)
  if (last !== undefined && tasks.length === options.limit) {
    printError(`there may be more: add --after ${last.taskId}`)
  }
}

function filtersOf(options: ListOptions): TaskFilters {
  const { state, root, creator, arg } = options
  const filters: { readonly [Name in keyof TaskFilters]: TaskFilters[Name] | undefined } = {
    name: options.name,
    status: state?.toUpperCase(),
    queue: options.queue,
    worker: options.worker,
    since: options.since,
    until: options.until,
    arguments: arg,
    text: options.text,
    rootId: root,
    creatorId: creator,
    after: options.after,
    limit: options.limit,
  }
  // What is left are exactly the filters that were given.
  return Object.fromEntries(
    Object.entries(filters).filter(([, value]) => value !== undefined),
  ) as TaskFilters
}
