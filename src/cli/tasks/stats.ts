import { type Command, Option } from 'commander'
import { STATS_KEYS, type StatsKey, type TaskStats } from '../../monitor/queries/task-stats.ts'
import { DATABASE, JSON_OUTPUT } from '../options/common-options.ts'
import { openCommandDatabase } from '../options/open-database.ts'
import { since } from '../options/option-values.ts'
import { printJson, printTable, wantsJson } from '../output/output.ts'
import type { Column } from '../output/table.ts'
import type { TasksOptions } from './options/options.ts'
import { durationText } from './text/duration-text.ts'

interface StatsCommandOptions extends TasksOptions {
  readonly by?: StatsKey
  readonly since?: Date
  readonly until?: Date
}

export function addStats(tasks: Command): void {
  tasks
    .command('stats')
    .description('show statistics of tasks: how many, how long they waited and ran')
    .addOption(
      new Option('--by <key>', 'group tasks by this, one line for each group').choices(STATS_KEYS),
    )
    .option('--since <when>', 'tasks published since: 30m, 2h, 7d, or a time (default 1d)', since)
    .option('--until <when>', 'tasks published before this time', since)
    .option(...DATABASE)
    .option(...JSON_OUTPUT)
    .action(async (_options, command: Command) => {
      await runStats(command.optsWithGlobals<StatsCommandOptions>())
    })
}

async function runStats(options: StatsCommandOptions): Promise<void> {
  const { taskStats } = await import('../../monitor/queries/task-stats.ts')
  const { by, since: from, until } = options
  await using database = await openCommandDatabase(options)
  const stats = await taskStats(database, {
    ...(by !== undefined && { by }),
    ...(from !== undefined && { since: from }),
    ...(until !== undefined && { until }),
  })
  if (wantsJson(options)) printJson(stats)
  else printTable(columnsOf(by), stats)
}

function columnsOf(by: StatsKey | undefined): Column<TaskStats>[] {
  const key: Column<TaskStats> = {
    title: by ?? 'tasks',
    value: ({ key }) => key ?? 'unknown',
    isWhole: true,
  }
  return [...(by === undefined ? [] : [key]), ...FIGURES]
}

const FIGURES: readonly Column<TaskStats>[] = [
  { title: 'tasks', value: ({ tasks }) => tasks, align: 'right' },
  {
    title: 'success',
    value: ({ successRate }) => (successRate === null ? '' : `${(successRate * 100).toFixed(1)} %`),
    align: 'right',
    colour: ({ successRate }) => (successRate !== null && successRate < 0.9 ? '31' : undefined),
  },
  { title: 'retries', value: ({ retries }) => retries, align: 'right', isExtra: true },
  { title: 'wait p50', value: ({ wait }) => durationText(wait.p50), align: 'right' },
  { title: 'p95', value: ({ wait }) => durationText(wait.p95), align: 'right' },
  { title: 'max', value: ({ wait }) => durationText(wait.max), align: 'right', isExtra: true },
  { title: 'run p50', value: ({ run }) => durationText(run.p50), align: 'right' },
  { title: 'p95', value: ({ run }) => durationText(run.p95), align: 'right' },
  { title: 'max', value: ({ run }) => durationText(run.max), align: 'right', isExtra: true },
  {
    title: 'per minute',
    value: ({ perMinute }) => (perMinute === null ? '' : perMinute.toFixed(1)),
    align: 'right',
    isExtra: true,
  },
  {
    title: 'states',
    value: ({ states }) =>
      Object.entries(states)
        .sort(([, one], [, other]) => other - one)
        .map(([state, tasks]) => `${tasks} ${state}`)
        .join(', '),
    isExtra: true,
  },
]
