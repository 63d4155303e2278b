import type { Command } from 'commander'
import { countText } from '../count-text.ts'
import type { Database } from '../database/database.ts'
import type { MigrationStatus } from '../database/migrate.ts'
import { DATABASE, JSON_OUTPUT } from './options/common-options.ts'
import { DATABASE_HELP } from './options/database-url.ts'
import { type DatabaseOptions, openCommandDatabase } from './options/open-database.ts'
import { positiveInteger } from './options/option-values.ts'
import { print, printError, printJson, printTable, wantsJson } from './output/output.ts'

interface GrantOptions extends DatabaseOptions {
  readonly role: string
}

interface MigrateCommandOptions extends DatabaseOptions {
  readonly steps?: number
  readonly json?: boolean
}

const EXAMPLES = `
${DATABASE_HELP}

Examples:
  celery-toolbox migrate up --database postgresql://worker@localhost/history
  celery-toolbox migrate status --json
  celery-toolbox migrate down --steps 2
  celery-toolbox migrate grants --role analyst`

export function addMigrate(program: Command): void {
  const migrate = program
    .command('migrate')
    .description('apply or revert database migrations')
    .addHelpText('after', EXAMPLES)
  add(migrate, 'up', 'run the migrations that are missing (what "migrate" alone does)', runUp)
  add(migrate, 'down', 'undo the last migration, and the data it holds', runDown).option(
    '--steps <n>',
    'how many to undo',
    positiveInteger,
    1,
  )
  add(migrate, 'status', 'list the migrations and when they ran', runStatus)
  migrate
    .command('grants')
    .description('give a role read-only access to the record')
    .requiredOption('--role <name>', 'the role, which has to exist')
    .option(...DATABASE)
    .action(async (_options, command: Command) => {
      await runGrants(command.optsWithGlobals<GrantOptions>())
    })
}

type Run = (options: MigrateCommandOptions) => Promise<void>

function add(parent: Command, name: string, description: string, run: Run): Command {
  return parent
    .command(name, { isDefault: name === 'up' })
    .description(description)
    .option(...DATABASE)
    .option(...JSON_OUTPUT)
    .action(async (_options, command: Command) => {
      await run(command.optsWithGlobals<MigrateCommandOptions>())
    })
}

async function runUp(options: MigrateCommandOptions): Promise<void> {
  await using database = await openCommandDatabase(options)
  report(await migrateUpWithProgress(database), 'ran', options)
}

async function runDown(options: MigrateCommandOptions): Promise<void> {
  const { migrateDown } = await import('../database/migrate.ts')
  await using database = await openCommandDatabase(options)
  const undone = await migrateDown(database, { steps: options.steps ?? 1, onProgress: showStep })
  report(undone, 'undone', options)
}

async function runStatus(options: MigrateCommandOptions): Promise<void> {
  const { migrationStatus } = await import('../database/migrate.ts')
  await using database = await openCommandDatabase(options)
  const status = await migrationStatus(database)
  if (wantsJson(options)) return printJson(status)
  printTable<MigrationStatus>(
    [
      { title: 'migration', value: ({ name }) => name },
      { title: 'applied at', value: ({ appliedAt }) => appliedAt ?? 'missing' },
    ],
    status,
  )
}

async function runGrants(options: GrantOptions): Promise<void> {
  const { grantReadOnly } = await import('../database/grant-read-only.ts')
  await using database = await openCommandDatabase(options)
  await grantReadOnly(database, options.role)
  print(`${options.role} may read what is recorded in ${database.safeUrl}`)
}

/** Brings the tables up to date, saying each step as it starts. */
export async function migrateUpWithProgress(database: Database): Promise<readonly string[]> {
  const { migrateUp } = await import('../database/migrate.ts')
  return await migrateUp(database, { onProgress: showStep })
}

function showStep({ name, direction }: { name: string; direction: 'up' | 'down' }): void {
  printError(`${direction === 'up' ? 'migrating' : 'undoing'} ${name}`)
}

function report(
  steps: readonly string[],
  word: 'ran' | 'undone',
  options: MigrateCommandOptions,
): void {
  if (options.json === true) printJson({ [word]: steps })
  else if (steps.length === 0) print('nothing to do')
  else print(`${countText(steps.length, 'migration')} ${word}`)
}
