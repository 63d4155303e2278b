import type { Command } from 'commander'
import type { FamilyTree } from '../../monitor/queries/family-tree.ts'
import { DATABASE, JSON_OUTPUT } from '../options/common-options.ts'
import { openCommandDatabase } from '../options/open-database.ts'
import { isColoured, print, terminalWidth } from '../output/output.ts'
import type { TasksOptions } from './options/options.ts'
import { printFound } from './print-found.ts'
import { treeLines } from './text/tree-lines.ts'

export function addTree(tasks: Command): void {
  tasks
    .command('tree')
    .argument(
      '<id>',
      'the id of any task of the family (or its beginning), of a step to come, or of a group',
    )
    .description('draw the workflow of a task: its tasks, steps to come, time spent')
    .option(...DATABASE)
    .option(...JSON_OUTPUT)
    .action(async (id: string, _options, command: Command) => {
      await runTree(id, command.optsWithGlobals<TasksOptions>())
    })
}

async function runTree(id: string, options: TasksOptions): Promise<void> {
  const { familyTree } = await import('../../monitor/queries/family-tree.ts')
  await using database = await openCommandDatabase(options)
  const tree = await familyTree(database, id)
  printFound(tree, { id, database, options, printText: printTree })
}

function printTree(tree: FamilyTree): void {
  const width = terminalWidth() ?? 100
  for (const line of treeLines(tree, { width, isColoured: isColoured() })) print(line)
}
