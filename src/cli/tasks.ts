import type { Command } from 'commander'
import { DATABASE_HELP } from './options/database-url.ts'
import { addBackfill } from './tasks/backfill.ts'
import { addList } from './tasks/list.ts'
import { addPrune } from './tasks/prune.ts'
import { addReconcile } from './tasks/reconcile.ts'
import { addReplay } from './tasks/replay.ts'
import { addRevoke } from './tasks/revoke.ts'
import { addReschedule, addScheduled } from './tasks/scheduled.ts'
import { addShow } from './tasks/show.ts'
import { addSize } from './tasks/size.ts'
import { addStats } from './tasks/stats.ts'
import { addTree } from './tasks/tree.ts'
import { addWhy } from './tasks/why.ts'

const EXAMPLES = `
Reads the view monitor.task_history, which you may also query in SQL. Prints tables on a terminal, JSON otherwise.

${DATABASE_HELP}

Examples:
  celery-toolbox tasks list --state FAILURE --since 2h
  celery-toolbox tasks list --arg slug=project-1 --arg options.page=3
  celery-toolbox tasks tree 5b0b1d51
  celery-toolbox tasks stats --by name --since 7d
  celery-toolbox tasks list --name export.report --limit 1000 --json | jq '.[].taskId'
  celery-toolbox tasks show 5b0b1d51-2b7f-4a0c-a7c5-2f6d3f0c8f4e`

export function addTasks(program: Command): void {
  const tasks = program
    .command('tasks')
    .description('read the history of tasks, and act on it')
    .addHelpText('after', EXAMPLES)
  for (const add of COMMANDS) add(tasks)
}

/** One file each, in tasks/. */
const COMMANDS = [
  addList,
  addShow,
  addWhy,
  addTree,
  addStats,
  addReplay,
  addRevoke,
  addScheduled,
  addReschedule,
  addPrune,
  addSize,
  addReconcile,
  addBackfill,
] as const
