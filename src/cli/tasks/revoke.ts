import type { Command } from 'commander'
import type { CeleryApp } from '../../create-app.ts'
import type { Database } from '../../database/database.ts'
import { commandLogger, type GlobalOptions, openApp } from '../app/open-app.ts'
import { DATABASE, JSON_OUTPUT } from '../options/common-options.ts'
import { openDatabaseOf } from '../options/open-database.ts'
import { seconds, signalName } from '../options/option-values.ts'
import { print, printError, printJson, wantsJson } from '../output/output.ts'
import type { TasksOptions } from './options/options.ts'
import { addSelection, type SelectionOptions, selectedIds } from './options/selection.ts'

interface RevokeCommandOptions extends GlobalOptions, TasksOptions, SelectionOptions {
  readonly terminate?: boolean
  readonly signal: string
  readonly reason?: string
  readonly wait: number
}

/** What was done about one task. */
interface Revoked {
  readonly taskId: string
  /** `cancelled`: it waited in the vault, and never will be published. `broadcast`: workers will not run it. */
  readonly outcome: 'cancelled' | 'broadcast'
}

const EXAMPLES = `
A task that waits in the vault (monitor.scheduled) is taken out, and is REVOKED at once. All other ids are broadcast to
the workers: each remembers them, and revokes the task when it arrives. With --terminate a running task is ended too.

Examples:
  celery-toolbox tasks revoke 5b0b1d51-2b7f-4a0c-a7c5-2f6d3f0c8f4e
  celery-toolbox tasks revoke --where "name = 'export.pdf' AND status = 'SCHEDULED'"
  celery-toolbox tasks revoke 5b0b1d51-2b7f-4a0c-a7c5-2f6d3f0c8f4e --terminate`

export function addRevoke(tasks: Command): void {
  addSelection(tasks.command('revoke'), {
    ids: 'the tasks to revoke',
    since: 'only tasks that ended or were published since',
  })
    .description('revoke tasks, so that they do not run')
    .option('--terminate', 'also stop tasks that are running')
    .option(
      '--signal <name>',
      "the signal that ends a Python worker's process",
      signalName,
      'SIGTERM',
    )
    .option('--reason <text>', 'passed to the task, where one of our workers runs it')
    .option('--wait <seconds>', 'how long to wait for the answers of workers', seconds, 1)
    .option(...DATABASE)
    .option(...JSON_OUTPUT)
    .addHelpText('after', EXAMPLES)
    .action(async (ids: string[], _options, command: Command) => {
      await runRevoke(ids, command.optsWithGlobals<RevokeCommandOptions>())
    })
}

async function runRevoke(ids: readonly string[], options: RevokeCommandOptions): Promise<void> {
  await using app = await openApp(options)
  app.useLogger(await commandLogger(app.config, options))
  await using database = await openDatabaseOf(app.config, options)
  const taskIds = await selectedIds(database, ids, options)
  const unknown = await unrecorded(database, taskIds)
  const cancelled = await cancel(app, database, taskIds)
  const others = taskIds.filter((taskId) => !cancelled.includes(taskId))
  const workers = others.length === 0 ? [] : await revokeOn(app, others, options)
  const revoked: readonly Revoked[] = taskIds.map((taskId) => ({
    taskId,
    outcome: cancelled.includes(taskId) ? 'cancelled' : 'broadcast',
  }))
  if (wantsJson(options)) printJson({ revoked, workers })
  else for (const { taskId, outcome } of revoked) print(`${taskId}  ${outcome}`)
  for (const taskId of unknown) {
    printError(`warning: no task with the id "${taskId}" is recorded in ${database.safeUrl}`)
  }
  if (others.length === 0 || workers.length > 0) return
  if (!app.broker().features.mailboxes) {
    printError('warning: no worker answered; workers that start later will revoke it')
    return
  }
  printError(
    'error: no worker answered: one that starts later does not know of it, and runs what it is given',
  )
  process.exitCode = 1
}

/** Revoked at the workers nonetheless: a task may come that is not recorded yet. */
async function unrecorded(
  database: Database,
  taskIds: readonly string[],
): Promise<readonly string[]> {
  const known = await database.query<{ taskId: string }>(
    `SELECT task_id AS "taskId" FROM monitor.task WHERE task_id = ANY ($1)
     UNION SELECT task_id FROM monitor.scheduled WHERE task_id = ANY ($1)`,
    [taskIds],
  )
  const recorded = new Set(known.map(({ taskId }) => taskId))
  return taskIds.filter((taskId) => !recorded.has(taskId))
}

/** What waits in the vault is revoked without any worker, so its result and its row are written here. */
async function cancel(
  app: CeleryApp,
  database: Database,
  taskIds: readonly string[],
): Promise<readonly string[]> {
  const { cancelScheduled } = await import('../../monitor/scheduled/cancel-scheduled.ts')
  const cancelled = await cancelScheduled(database, taskIds)
  if (cancelled.length === 0) return cancelled
  const { revokedResult } = await import('../../worker/outcomes/stored-outcome.ts')
  const results = await app.results()
  await Promise.all(cancelled.map((taskId) => results.save(revokedResult(taskId))))
  return cancelled
}

/** The names of those who answered. */
async function revokeOn(
  app: CeleryApp,
  taskIds: readonly string[],
  { terminate, signal, reason, wait }: RevokeCommandOptions,
): Promise<readonly string[]> {
  const replies = await app.control.revoke(taskIds, {
    terminate,
    signal,
    reason,
    reply: true,
    timeoutMs: wait * 1000,
  })
  return replies.flatMap((reply) => Object.keys(reply)).sort()
}
