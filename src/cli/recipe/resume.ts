import type { Command } from 'commander'
import type { UnfinishedStep } from '../../recipes/record/resume-run.ts'
import { textOfError } from '../../text-of-error.ts'
import { DATABASE } from '../options/common-options.ts'
import type { DatabaseOptions } from '../options/open-database.ts'
import { print, printError, printTable } from '../output/output.ts'
import type { Column } from '../output/table.ts'
import { addSiteOptions, openSite, type SiteOptions } from '../zocalo/site.ts'

interface ResumeOptions extends SiteOptions, Omit<DatabaseOptions, 'environment'> {
  readonly step?: readonly string[]
  readonly dryRun?: boolean
  readonly force?: boolean
}

const EXAMPLES = `
Sends the recorded message of each unfinished step again, byte for byte; finished steps do not run again. Steps that
may still run by themselves (active within the last 10 s, or still in their queue) are left alone unless --force is given.
Messages are kept by services that run with an app (-A), up to 64 kB each.

Examples:
  celery-toolbox recipe resume 0f0e0d0c-0b0a-4908-8706-050403020100 --dry-run
  celery-toolbox recipe resume 0f0e0d0c-0b0a-4908-8706-050403020100
  celery-toolbox recipe resume 0f0e0d0c-0b0a-4908-8706-050403020100 --step 5b0b1d51-2b7f-4a0c-a7c5-2f6d3f0c8f4e`

export function addRecipeResume(recipe: Command): void {
  const command = recipe
    .command('resume')
    .argument('<run>', 'the id of the run, as tasks tree shows it')
    .description('run the unfinished steps of a recorded run again')
    .option('--step <ids...>', 'only these steps')
    .option('--dry-run', 'show what would be sent, and send nothing')
    .option('--force', 'also tasks that may still run by themselves')
    .option(...DATABASE)
    .addHelpText('after', EXAMPLES)
  addSiteOptions(command).action(async (run: string, _options: unknown, self: Command) => {
    await resume(run, self.optsWithGlobals<ResumeOptions>())
  })
}

async function resume(run: string, options: ResumeOptions): Promise<void> {
  const { openCommandDatabase } = await import('../options/open-database.ts')
  const { unfinishedSteps } = await import('../../recipes/record/resume-run.ts')
  const site = await openSite(options)
  await using database = await openCommandDatabase(options)
  await using transport = site.open(`recipe resume ${process.pid}`)
  const all = await unfinishedSteps(database, run)
  const steps = all.filter(({ id }) => options.step === undefined || options.step.includes(id))
  if (steps.length === 0) return print('nothing of this run is unfinished')
  const rows = []
  for (const step of steps) rows.push({ ...step, what: await resumed(step, transport, options) })
  printTable(COLUMNS, rows)
  if (rows.some(({ what }) => what.startsWith(LEFT))) process.exitCode = 1
}

const LEFT = 'left alone'

const COLUMNS: readonly Column<UnfinishedStep & { readonly what: string }>[] = [
  { title: 'step', value: ({ id }) => id, isWhole: true },
  { title: 'name', value: ({ name }) => name },
  { title: 'state', value: ({ state }) => state },
  { title: 'action', value: ({ what }) => what },
]

async function resumed(
  step: UnfinishedStep,
  transport: Parameters<typeof import('../../recipes/record/resume-run.ts').resumeStep>[0],
  { force = false, dryRun = false }: ResumeOptions,
): Promise<string> {
  const { resumeStep, whyNot } = await import('../../recipes/record/resume-run.ts')
  const reason = await whyNot(transport, step)
  if (step.sent === null || (reason !== null && !force)) return `${LEFT}: ${reason}`
  if (dryRun) return 'would be sent again'
  try {
    await resumeStep(transport, step.sent)
    return 'sent again'
  } catch (error) {
    printError(textOfError(error))
    return `${LEFT}: it could not be sent`
  }
}
