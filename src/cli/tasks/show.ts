import type { Command } from 'commander'
import type { RecordedMessage, ShownTask, TaskDetails } from '../../monitor/queries/show-task.ts'
import { DATABASE, JSON_OUTPUT } from '../options/common-options.ts'
import { openCommandDatabase } from '../options/open-database.ts'
import { jsonText } from '../output/json-text.ts'
import { print, printTable } from '../output/output.ts'
import { type Column, cellText } from '../output/table.ts'
import type { TasksOptions } from './options/options.ts'
import { printFound } from './print-found.ts'
import { TASK_COLUMNS } from './text/columns.ts'

export function addShow(tasks: Command): void {
  tasks
    .command('show')
    .argument('<id>', 'the id of the task, or the beginning of it')
    .description('show one task with its messages and its family')
    .option(...DATABASE)
    .option(...JSON_OUTPUT)
    .action(async (id: string, _options, command: Command) => {
      await runShow(id, command.optsWithGlobals<TasksOptions>())
    })
}

async function runShow(id: string, options: TasksOptions): Promise<void> {
  const { showTask } = await import('../../monitor/queries/show-task.ts')
  await using database = await openCommandDatabase(options)
  const shown = await showTask(database, id)
  printFound(shown, { id, database, options, printText: printShown })
}

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
  printTable(TASK_COLUMNS, family)
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
