import type { Command } from 'commander'
import type { Broker } from '../../brokers/broker.ts'
import type { Database } from '../../database/database.ts'
import type { Replayed, ReplayOptions } from '../../monitor/replay/replay-task.ts'
import type { NotReplayed } from '../../monitor/replay/replay-tasks.ts'
import { commandLogger, type GlobalOptions, openApp } from '../app/open-app.ts'
import { DATABASE, DRY_RUN, EDIT, JSON_OUTPUT } from '../options/common-options.ts'
import { openDatabaseOf } from '../options/open-database.ts'
import { perSecond } from '../options/option-values.ts'
import { print, printError, printJson, printTable, wantsJson } from '../output/output.ts'
import { Progress } from '../output/progress.ts'
import type { Column } from '../output/table.ts'
import { callEditOption } from './options/edit-option.ts'
import type { TasksOptions } from './options/options.ts'
import { addSelection, type SelectionOptions, selectedIds } from './options/selection.ts'

interface ReplayCommandOptions extends GlobalOptions, TasksOptions, SelectionOptions {
  readonly edit?: Readonly<Record<string, unknown>>
  readonly queue?: string
  readonly dryRun?: boolean
  readonly rate?: number
  readonly again?: boolean
  readonly force?: boolean
}

type Outcome = Replayed | NotReplayed

const EXAMPLES = `
Publishes the recorded message of each task again, byte for byte, under a new id; its row names the old one (replay_of).
A task that was replayed before is left alone unless --again is given, one that may still run unless --force is.

Examples:
  celery-toolbox tasks replay 5b0b1d51-2b7f-4a0c-a7c5-2f6d3f0c8f4e
  celery-toolbox tasks replay --failed --since 2h --dry-run
  celery-toolbox tasks replay --where "name = 'export.pdf' AND exception LIKE 'Timeout%'" --rate 5
  celery-toolbox tasks replay 5b0b1d51-2b7f-4a0c-a7c5-2f6d3f0c8f4e --edit '{"kwargs": {"slug": "b"}}'`

export function addReplay(tasks: Command): void {
  addSelection(tasks.command('replay'), {
    ids: 'the tasks to run once more',
    since: 'only tasks that ended since: 30m, 2h, 7d, or a time',
  })
    .description('publish recorded tasks again')
    .option(...EDIT)
    .option('--queue <name>', 'to this work queue instead')
    .option('--rate <n/s>', 'at most this many a second, such as 5 or 10/m', perSecond)
    .option(...DRY_RUN)
    .option('--again', 'also tasks that were replayed before')
    .option('--force', 'also tasks that may still run by themselves')
    .option(...DATABASE)
    .option(...JSON_OUTPUT)
    .addHelpText('after', EXAMPLES)
    .action(async (ids: string[], _options, command: Command) => {
      await runReplay(ids, command.optsWithGlobals<ReplayCommandOptions>())
    })
}

async function runReplay(ids: readonly string[], options: ReplayCommandOptions): Promise<void> {
  const replay = await replayOptions(options)
  await using app = await openApp(options)
  app.useLogger(await commandLogger(app.config, options))
  await using database = await openDatabaseOf(app.config, options)
  const taskIds = await selectedIds(database, ids, options)
  const outcomes = await replayAll(database, app.broker(), taskIds, {
    ...replay,
    config: app.config,
    perSecond: options.rate,
  })
  report(outcomes, options)
  if (outcomes.some((outcome) => 'problem' in outcome)) process.exitCode = 1
}

async function replayOptions(
  options: ReplayCommandOptions,
): Promise<Omit<ReplayOptions, 'config'>> {
  const { edit, queue, again: isAgain, force: isForced, dryRun: isDryRun } = options
  return {
    edit: await callEditOption(edit),
    queue,
    isAgain,
    isForced,
    isDryRun,
  }
}

async function replayAll(
  database: Database,
  broker: Broker,
  taskIds: readonly string[],
  options: ReplayOptions & { readonly perSecond: number | undefined },
): Promise<readonly Outcome[]> {
  const { replayTasks } = await import('../../monitor/replay/replay-tasks.ts')
  const title = options.isDryRun === true ? 'would be replayed' : 'replayed'
  const progress = new Progress({ title, total: taskIds.length })
  const outcomes: Outcome[] = []
  for await (const outcome of replayTasks(database, broker, taskIds, options)) {
    outcomes.push(outcome)
    if (!('problem' in outcome)) progress.add()
  }
  if (taskIds.length > 1) progress.end()
  return outcomes
}

function report(outcomes: readonly Outcome[], options: ReplayCommandOptions): void {
  if (wantsJson(options)) printJson(outcomes.map(asJson))
  else if (outcomes.length === 0) print('no task is like that')
  else printOutcomes(outcomes)
}

function printOutcomes(outcomes: readonly Outcome[]): void {
  const done = outcomes.filter((outcome) => !('problem' in outcome))
  if (done.length > 0) printTable(COLUMNS, done as readonly Replayed[]) // those without a problem
  for (const outcome of outcomes)
    if ('problem' in outcome) printError(`error: ${outcome.problem.message}`)
}

const COLUMNS: readonly Column<Replayed>[] = [
  { title: 'task', value: ({ name }) => name },
  { title: 'id', value: ({ taskId }) => taskId, isWhole: true },
  { title: 'runs as', value: ({ newId }) => newId ?? 'dry run', isWhole: true },
  { title: 'routing key', value: ({ route }) => route.routingKey },
]

function asJson(outcome: Outcome): object {
  if (!('problem' in outcome)) return outcome
  const { code, message } = outcome.problem
  return { taskId: outcome.taskId, problem: { code, message } }
}
