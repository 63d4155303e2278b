import type { Command } from 'commander'
import type { TaskSummary } from '../monitor/queries/history-columns.ts'
import type { RecordedMessage, ShownTask, TaskDetails } from '../monitor/queries/show-task.ts'
import { DATABASE_HELP } from './database-url.ts'
import { jsonText } from './json-text.ts'
import { type DatabaseOptions, openCommandDatabase } from './open-database.ts'
import { positiveInteger, since } from './option-values.ts'
import { print, printError, printJson, printTable, wantsJson } from './output.ts'
import { type Column, cellText, statusColour } from './table.ts'

interface ListOptions extends DatabaseOptions {
  readonly name?: string
  readonly state?: string
  readonly queue?: string
  readonly since?: Date
  readonly limit: number
  readonly json?: boolean
}

interface ShowOptions extends DatabaseOptions {
  readonly json?: boolean
}

const DATABASE = ['--database <url>', 'the database, as postgresql://…'] as const

const EXAMPLES = `
Reads the view monitor.task_history, which is there to be asked in SQL too. Tables on a terminal, JSON otherwise.

${DATABASE_HELP}

Examples:
  celery-toolbox tasks list --state FAILURE --since 2h
  celery-toolbox tasks list --name export.report --limit 1000 --json | jq '.[].taskId'
  celery-toolbox tasks show 5b0b1d51-2b7f-4a0c-a7c5-2f6d3f0c8f4e`

export function addTasks(program: Command): void {
  const tasks = program
    .command('tasks')
    .description('read the history of tasks')
    .addHelpText('after', EXAMPLES)
  tasks
    .command('list')
    .description('list tasks, the latest first')
    .option('--name <name>', 'only tasks of this name, or whose names begin so')
    .option('--state <status>', 'only tasks with this status, such as FAILURE')
    .option('--queue <queue>', 'only tasks of this queue')
    .option('--since <when>', 'only what was published since: 30m, 2h, 7d, or a time', since)
    .option('--limit <n>', 'this many at most', positiveInteger, 50)
    .option(...DATABASE)
    .option('--json', 'print JSON')
    .action(async (_options, command: Command) => {
      await runList(command.optsWithGlobals<ListOptions>())
    })
  tasks
    .command('show')
    .argument('<id>', 'the id of the task, or the beginning of it')
    .description('show all that is known of one task: its messages and its family too')
    .option(...DATABASE)
    .option('--json', 'print JSON')
    .action(async (id: string, _options, command: Command) => {
      await runShow(id, command.optsWithGlobals<ShowOptions>())
    })
}

async function runList(options: ListOptions): Promise<void> {
  const { listTasks } = await import('../monitor/queries/list-tasks.ts')
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
  else printTable(COLUMNS, tasks)
}

async function runShow(id: string, options: ShowOptions): Promise<void> {
  const { showTask } = await import('../monitor/queries/show-task.ts')
  await using database = await openCommandDatabase(options)
  const shown = await showTask(database, id)
  if (shown === undefined) {
    printError(`error: no task with the id "${id}" is recorded in ${database.safeUrl}`)
    process.exitCode = 1
  } else if (wantsJson(options)) {
    printJson(shown)
  } else {
    printShown(shown)
  }
}

const COLUMNS: readonly Column<TaskSummary>[] = [
  { title: 'published', value: ({ publishedAt }) => publishedAt },
  { title: 'task', value: ({ name }) => name },
  {
    title: 'status',
    value: ({ status, isUnrouted }) => (isUnrouted ? `${status}, unrouted` : status),
    colour: ({ status }) => statusColour(status),
  },
  { title: 'finished', value: ({ finishedAt }) => finishedAt },
  { title: 'queue', value: ({ queue }) => queue },
  { title: 'retries', value: ({ retries }) => retries, align: 'right' },
  { title: 'id', value: ({ taskId }) => taskId, isWhole: true },
]

const MESSAGE_COLUMNS: readonly Column<RecordedMessage>[] = [
  { title: 'message of', value: ({ receivedAt }) => receivedAt },
  { title: 'exchange', value: ({ route }) => route.exchange },
  { title: 'routing key', value: ({ route }) => route.routingKey },
  { title: 'bytes', value: ({ message }) => message.body.length, align: 'right' },
  { title: 'problem', value: ({ problem }) => problem },
]

function printShown({ task, messages, family }: ShownTask): void {
  printTask(task)
  print('')
  printTable(MESSAGE_COLUMNS, messages)
  if (family.length <= 1) return
  print('\nits family:\n')
  printTable(COLUMNS, family)
}

/** One line a field, those without a value left out, the traceback as it is. */
function printTask({ traceback, ...task }: TaskDetails): void {
  const fields = Object.entries(task).filter(([, value]) => value !== null)
  const width = Math.max(...fields.map(([name]) => name.length))
  for (const [name, value] of fields) print(`${name.padEnd(width)}  ${fieldText(value)}`)
  if (traceback !== null) print(`\n${traceback.split('\n').map(cellText).join('\n')}`)
}

function fieldText(value: unknown): string {
  return cellText(typeof value === 'object' && !(value instanceof Date) ? jsonText(value) : value)
}
