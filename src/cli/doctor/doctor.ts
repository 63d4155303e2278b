import type { Command } from 'commander'
import { zocaloVariable } from '../../config/resolve/environment.ts'
import { addSiteEnvironment } from '../app/site-settings.ts'
import { DATABASE, JSON_OUTPUT } from '../options/common-options.ts'
import { DATABASE_HELP } from '../options/database-url.ts'
import type { DatabaseOptions } from '../options/open-database.ts'
import { isColoured, print, printJson } from '../output/output.ts'
import type { Check } from './check.ts'

interface DoctorCommandOptions extends DatabaseOptions {
  readonly json?: boolean
  readonly iam?: boolean
}

const EXAMPLES = `
✓ is as it should be, ✗ is not (and says what to do), – was not checked or is worth knowing. Exit code 1 with any ✗.
What is missing on the broker is declared, exactly as a worker does when it starts. With ZOCALO_CONFIG the doctor looks at
what recipe services need, declares nothing there, and looks at tasks only where an app is named.

${DATABASE_HELP}

Examples:
  celery-toolbox doctor -A app.ts
  celery-toolbox doctor --json
  ZOCALO_CONFIG=site.yml celery-toolbox doctor -e live
  celery-toolbox doctor --iam | jq .worker > worker-policy.json`

const MARKS = { ok: '✓', failed: '✗', noted: '–' } as const
const COLOURS = { ok: '32', failed: '31', noted: '33' } as const

export function addDoctor(program: Command): void {
  const doctor = program
    .command('doctor')
    .description('check the setup and suggest fixes')
    .option(...DATABASE)
    .option(...JSON_OUTPUT)
    .option('--iam', 'print the minimal IAM policies for Amazon SQS, and check nothing')
    .addHelpText('after', EXAMPLES)
    .action(async (_options, command: Command) => {
      await runDoctor(command.optsWithGlobals<DoctorCommandOptions>())
    })
  addSiteEnvironment(doctor)
}

async function runDoctor(options: DoctorCommandOptions): Promise<void> {
  if (options.iam === true) return await printPolicies(options)
  const checks: Check[] = []
  for await (const check of checksOf(options)) {
    checks.push(check)
    if (options.json !== true) print(shown(check))
  }
  const hasFailed = checks.some(({ state }) => state === 'failed')
  if (options.json === true) printJson({ ok: !hasFailed, checks })
  if (hasFailed) process.exitCode = 1
}

/** Of the site where there is one, and of the tasks of an app where one is named, or there is no site. */
async function* checksOf(options: DoctorCommandOptions): AsyncGenerator<Check> {
  const hasSite = zocaloVariable('ZOCALO_CONFIG') !== null
  if (options.app !== undefined || !hasSite) {
    const { examine } = await import('./examine.ts')
    yield* examine(options)
  }
  if (!hasSite) return
  const { examineZocalo } = await import('./examine-zocalo.ts')
  yield* examineZocalo(options.environment ?? [])
}

async function printPolicies(options: DoctorCommandOptions): Promise<void> {
  const { openApp } = await import('../app/open-app.ts')
  const { iamPolicies } = await import('./iam-policies.ts')
  await using app = await openApp(options, { usesQueues: true })
  printJson(iamPolicies(app.config))
}

function shown({ state, name, found, advice }: Check): string {
  const mark = isColoured() ? `\u001B[${COLOURS[state]}m${MARKS[state]}\u001B[0m` : MARKS[state]
  const line = `${mark} ${name}: ${found.replaceAll('\n', '\n    ')}`
  return advice === undefined ? line : `${line}\n    → ${advice}`
}
