import type { Command } from 'commander'
import { UsageError } from '../../errors.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import { type PlannedSend, plannedSends } from '../../recipes/recipe/planned-sends.ts'
import { JSON_OUTPUT } from '../options/common-options.ts'
import { printJson, printTable, wantsJson } from '../output/output.ts'
import { readRecipe } from './read-recipe.ts'

interface TryOptions {
  readonly set: readonly string[]
  readonly parameters?: string
  readonly json?: boolean
}

const EXAMPLES = `
Nothing is sent. Every output of every node is shown once, as if each service sent one message to it.

Examples:
  celery-toolbox recipe try recipe.json --set image=a.cbf
  celery-toolbox recipe try recipe.json --parameters '{"threshold": 0.5}' --json`

export function addRecipeTry(recipe: Command): void {
  recipe
    .command('try')
    .description(
      'show which messages a recipe would send to which queues, its parameters filled in',
    )
    .argument('<file>', 'a recipe in JSON')
    .option('-s, --set <key=value>', 'a parameter, as text; may be repeated', collected, [])
    .option('--parameters <json>', 'parameters as a JSON object; --set wins over it')
    .option(...JSON_OUTPUT)
    .addHelpText('after', EXAMPLES)
    .action((file: string, options: TryOptions) => {
      const read = readRecipe(file)
      read.applyParameters(parametersOf(options))
      read.validate()
      show(plannedSends(read), options)
    })
}

function show(sends: readonly PlannedSend[], options: TryOptions): void {
  if (wantsJson(options)) {
    printJson(sends)
    return
  }
  printTable<PlannedSend>(
    [
      { title: 'from', value: ({ from }) => from },
      { title: 'output', value: ({ output }) => output ?? '–' },
      { title: 'to', value: ({ kind, destination }) => `${kind} ${destination}` },
      { title: 'node', value: ({ node }) => node },
      { title: 'options', value: ({ options: given }) => optionsText(given) },
    ],
    sends,
  )
}

function optionsText(given: PlannedSend['options']): string {
  return Object.entries(given)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}

function collected(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}

function parametersOf(options: TryOptions): Record<string, unknown> {
  const parameters: Record<string, unknown> = { ...objectOf(options.parameters) }
  for (const pair of options.set) {
    const at = pair.indexOf('=')
    if (at < 0) throw new UsageError(`--set ${pair}: expected key=value`)
    parameters[pair.slice(0, at)] = pair.slice(at + 1)
  }
  return parameters
}

function objectOf(json: string | undefined): object {
  if (json === undefined) return {}
  try {
    const value: unknown = JSON.parse(json)
    if (isRecord(value)) return value
  } catch {
    // The error below names the option and shows what was given.
  }
  throw new UsageError(`--parameters ${json.slice(0, 60)}: expected a JSON object`)
}
