import type { Command } from 'commander'
import type { TaskWhy } from '../../monitor/queries/why/why-task.ts'
import { commandLogger, openApp } from '../open-app.ts'
import { openDatabaseOf } from '../open-database.ts'
import { print, printError, printJson, wantsJson } from '../output.ts'
import { cellText } from '../table.ts'
import { DATABASE, JSON_OUTPUT, type TasksOptions } from './options.ts'

export function addWhy(tasks: Command): void {
  tasks
    .command('why')
    .argument('<id>', 'the id of a task, or the beginning of it, or of a step still to come')
    .description('say why a task has not finished, or how it has')
    .option(...DATABASE)
    .option(...JSON_OUTPUT)
    .action(async (id: string, _options, command: Command) => {
      await runWhy(id, command.optsWithGlobals<TasksOptions>())
    })
}

async function runWhy(id: string, options: TasksOptions): Promise<void> {
  const { whyTask } = await import('../../monitor/queries/why/why-task.ts')
  await using app = await openApp(options)
  app.useLogger(await commandLogger(app.config, options))
  await using database = await openDatabaseOf(app.config, options)
  const why = await whyTask(database, app.broker(), id)
  if (why === undefined) {
    printError(`error: no task with the id "${id}" is recorded in ${database.safeUrl}`)
    process.exitCode = 1
  } else if (wantsJson(options)) {
    printJson(why)
  } else {
    printWhy(why)
  }
}

function printWhy({ taskId, name, status, why }: TaskWhy): void {
  print(cellText(`${name ?? 'a task'} ${taskId} ${status ?? 'is not published yet'}`))
  for (const sentence of why) print(`  ${cellText(sentence)}`)
}
