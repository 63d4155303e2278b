import type { Command } from 'commander'
import type { SettingRow } from '../config/setting-rows.ts'
import { type GlobalOptions, openConfig } from './app/open-app.ts'
import { JSON_OUTPUT } from './options/common-options.ts'
import { print, printJson, printTable, wantsJson } from './output/output.ts'

interface ConfigCommandOptions extends GlobalOptions {
  readonly all?: boolean
  readonly json?: boolean
}

const EXAMPLES = `
Secrets are masked. The state says what a setting does: effect; python (Python's alone, no effect here); refused (an
error, as ignoring it would be unsafe); planned (not yet) and none (never): these two warn when a worker starts.

Examples:
  celery-toolbox config show -A app.ts
  celery-toolbox config show --all --json | jq '.[] | select(.source != "default")'
  celery-toolbox config check`

export function addConfig(program: Command): void {
  const config = program
    .command('config')
    .description('show or check the settings')
    .addHelpText('after', EXAMPLES)
  config
    .command('show')
    .description('list the settings and where each came from')
    .option('--all', "also settings at Celery's own default")
    .option(...JSON_OUTPUT)
    .action(async (_options, command: Command) => {
      await showConfig(command.optsWithGlobals<ConfigCommandOptions>())
    })
  config
    .command('check')
    .description('name every mistake in the settings')
    .option(...JSON_OUTPUT)
    .action(async (_options, command: Command) => {
      await checkConfig(command.optsWithGlobals<ConfigCommandOptions>())
    })
}

async function showConfig(options: ConfigCommandOptions): Promise<void> {
  const config = await openConfig(options, { usesQueues: true })
  const { settingRows } = await import('../config/setting-rows.ts')
  const rows = settingRows(config, { all: options.all === true })
  if (wantsJson(options)) {
    const { maskValue } = await import('../config/masking.ts')
    return printJson(
      rows.map((row) => ({ ...row, value: plainValue(maskValue(row.name, config.get(row.name))) })),
    )
  }
  printTable<SettingRow>(
    [
      { title: 'setting', value: ({ name }) => name },
      { title: 'value', value: ({ value }) => value },
      { title: 'from', value: placed },
      { title: 'state', value: ({ state }) => state },
    ],
    rows,
  )
}

/** Where its value comes from, and where else it was given to no effect. */
function placed({ source, variable, shadowed }: SettingRow): string {
  const place = variable ?? source
  return shadowed.length === 0 ? place : `${place} (not ${shadowed.join(', ')})`
}

/** JSON has no functions: they are shown by name. */
function plainValue(value: unknown): unknown {
  if (typeof value === 'function') return `<function ${value.name}>`
  return Array.isArray(value) ? value.map(plainValue) : value
}

async function checkConfig(options: ConfigCommandOptions): Promise<void> {
  const problems = await problemsOf(options)
  if (options.json === true) printJson({ problems })
  else if (problems.length === 0) print('the settings are fine')
  else for (const problem of problems) print(`✗ ${problem}`)
  if (problems.length > 0) process.exitCode = 2
}

async function problemsOf(options: GlobalOptions): Promise<readonly string[]> {
  try {
    await openConfig(options, { usesQueues: true })
    return []
  } catch (error) {
    if (hasProblems(error)) return error.problems
    throw error
  }
}

/** A ConfigError, also one of an app's own copy of the toolbox. */
function hasProblems(error: unknown): error is Error & { readonly problems: readonly string[] } {
  return error instanceof Error && 'problems' in error && Array.isArray(error.problems)
}
