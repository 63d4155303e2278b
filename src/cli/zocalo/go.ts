import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { indentedJson } from '../../codecs/json/indented-json.ts'
import { pythonPretty } from '../../codecs/python/python-pretty.ts'
import { pythonRepr } from '../../codecs/python/python-text.ts'
import { TransportError } from '../../errors.ts'
import { print, printError } from '../output/output.ts'
import { collected } from './collected.ts'
import { refuse, withRefusals } from './refusals.ts'
import { addSiteOptions, openSite, type Site, type SiteOptions } from './site.ts'

interface GoOptions extends Omit<SiteOptions, 'verbose'> {
  readonly recipe: readonly string[]
  readonly file?: string
  readonly dcid: boolean
  readonly reprocessing?: boolean
  readonly autoprocscalingid?: string
  readonly set: readonly string[]
  readonly verbose?: boolean
  readonly dryRun?: boolean
  readonly drop?: boolean
}

type Message = Record<string, unknown> & { readonly parameters: Record<string, unknown> }

const EXAMPLES = `
Examples:
  celery-toolbox go -r example -s workingdir="$(pwd)" 1234
  celery-toolbox go -n -f recipe.json`

export function addGo(program: Command): void {
  const command = program
    .command('go')
    .description('ask the Dispatcher to run recipes (Zocalo: zocalo.go)')
    .argument('[id...]', 'data collection ID of the required processing')
    .option('-r, --recipe <name>', 'name of a recipe; may be repeated', collected, [])
    .option('-f, --file <file>', 'run the recipe in this file')
    .option('-n, --no-dcid', 'without a data collection ID')
    .option('-p, --reprocessing', 'the ID is a reprocessing ID')
    .option('-a, --autoprocscalingid <id>', 'auto processing scaling ID')
    .option('-s, --set <key=value>', 'a parameter, as text; may be repeated', collected, [])
    .option('-v, --verbose', 'show the message before it is sent')
    .option('--dry-run', 'check everything, and send nothing')
    .addOption(new Option('--drop', 'write the message to the fallback location').hideHelp())
    .addHelpText('after', EXAMPLES)
  addSiteOptions(command).action(
    async (ids: readonly string[], _options: unknown, self: Command) => {
      await withRefusals(() => go(ids, self.optsWithGlobals<GoOptions>()))
    },
  )
}

async function go(ids: readonly string[], options: GoOptions): Promise<void> {
  const { verbose: isVerbose = false, ...siteOptions } = options
  const site = await openSite(siteOptions)
  const message = await requestOf(options)
  const lines = completed(message, ids, options)
  for (const line of lines) print(line)
  if (isVerbose) print(pythonPretty(message))
  await sendOrStore(message, site, options)
  print(
    options.reprocessing === true && options.dcid
      ? `\nReprocessing task submitted for ID ${message.parameters.ispyb_process}.`
      : '\nSubmitted.',
  )
}

async function requestOf({ recipe, set, file, dcid, reprocessing }: GoOptions): Promise<Message> {
  const parameters: Record<string, unknown> = {}
  for (const pair of set) {
    const at = pair.indexOf('=')
    if (at < 0) refuse(`Invalid variable specification '${pair}'`)
    parameters[pair.slice(0, at)] = pair.slice(at + 1)
  }
  if (recipe.length === 0 && file === undefined && dcid && reprocessing !== true) {
    refuse('No recipes specified.')
  }
  return {
    recipes: [...recipe],
    parameters,
    ...(file !== undefined && { custom_recipe: await customRecipe(file) }),
  }
}

async function customRecipe(file: string): Promise<unknown> {
  // Most calls name their recipes, and start sooner without it.
  const { Recipe } = await import('../../recipes/recipe/recipe.ts')
  const recipe = Recipe.parse(readFileSync(file, 'utf8'))
  recipe.validate()
  return recipe.recipe
}

/** Adds what the ID stands for; answers what is said of it. */
function completed(message: Message, ids: readonly string[], options: GoOptions): string[] {
  const { recipe, file, dcid, reprocessing = false, autoprocscalingid } = options
  const named = recipe.length > 0 ? [`Running recipes ${pythonRepr([...recipe])}`] : []
  const fromFile = file === undefined ? [] : [`Running recipe from file ${file}`]
  if (!dcid) return [...named, ...fromFile, 'without specified data collection.']
  if (ids.length > 1) refuse('Only a single data collection ID can be specified.')
  const [given] = ids
  if (given === undefined) {
    return refuse('You must either specify a data collection ID or option --no-dcid.')
  }
  const id = positive(given, 'Invalid data collection ID given.')
  if (reprocessing) {
    message.parameters.ispyb_process = id
    return named
  }
  message.parameters.ispyb_dcid = id
  if (autoprocscalingid !== undefined) {
    message.parameters.ispyb_autoprocscalingid = positive(
      autoprocscalingid,
      'Invalid auto processing scaling ID given.',
    )
  }
  return [...named, ...fromFile, `for data collection ${id}`]
}

function positive(text: string, problem: string): number | bigint {
  if (!/^\s*[+-]?\d+(?:_\d+)*\s*$/.test(text)) refuse(`${problem} "${text}" is not a whole number`)
  const value = BigInt(text.trim().replaceAll('_', '').replace(/^\+/, ''))
  if (value <= 0n) refuse(problem)
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value
}

async function sendOrStore(message: Message, site: Site, options: GoOptions): Promise<void> {
  const fallback = site.config.plugin('storage')?.['zocalo.go.fallback_location']
  const folder = typeof fallback === 'string' && fallback !== '' ? fallback : null
  const headers = { 'zocalo.go.user': userName(), 'zocalo.go.host': hostname() }
  const store = async (): Promise<void> => {
    const file = join(folder ?? '', randomUUID())
    if (options.dryRun === true)
      return print(`Not storing message in ${file} (running with --dry-run)`)
    await writeFile(file, `${indentedJson({ headers, message })}\n`)
    print(`Message successfully stored in ${file}`)
  }
  if (folder !== null && options.drop === true) return await store()
  if (options.dryRun === true) return print('Not sending message (running with --dry-run)')
  const transport = site.open(`go ${process.pid}`)
  try {
    await transport.send('processing_recipe', message, { headers })
  } catch (cause) {
    if (folder === null || !(cause instanceof TransportError)) throw cause
    printError(`\n${cause.message}\n`)
    print('\n\nAttempting to store message in fallback location')
    await store()
  } finally {
    await transport.disconnect()
  }
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    return 'unknown' // a container's user without a name
  }
}
