import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, resolve } from 'node:path'
import { isDict } from '../../codecs/ordered-dict.ts'
import { decodeYaml } from '../../codecs/yaml/yaml.ts'
import { SiteConfigError, type SiteFault } from '../../errors.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import { textOfError } from '../../text-of-error.ts'
import type { Block } from './block-fields.ts'
import {
  checkedEnvironments,
  type Environments,
  orderedEnvironments,
  RESERVED,
} from './environments.ts'
import { merged, type SiteParts } from './merge-site.ts'
import { type OddNames, type Site, siteFaults } from './site-fields.ts'

/** A site file as it was read: blocks not in the file itself are paths. */
export interface SiteFile {
  readonly environments: Readonly<Record<string, readonly string[]>>
  readonly blocks: ReadonlyMap<string, Block | string>
  readonly warnings: readonly string[]
}

interface SiteContext {
  readonly directory: string
  /** The file the text is from, for errors; null for a text. */
  readonly file: string | null
}

/** Checks a site file in the order in which Python does (zocalo, configuration/__init__.py). */
export function readSiteText(
  text: string,
  context: SiteContext,
  plugins: ReadonlySet<string>,
): SiteFile {
  const { blocks, environments } = readParts(text, context, [])
  return {
    blocks,
    environments: orderedEnvironments(environments, blocks),
    warnings: missingPlugins(blocks, plugins),
  }
}

/** A file with those that it includes. */
function readParts(text: string, context: SiteContext, within: readonly string[]): SiteParts {
  const { site, environments } = checkedIn(context, text)
  const own = { environments, blocks: blocksOf(site, context) }
  const { include } = site
  if (!Array.isArray(include)) return own
  return include.map(String).reduce((parts, name) => {
    const file = resolve(context.directory, pathOf(name))
    return merged(parts, readIncluded(file, [...within, context.file ?? '']))
  }, own)
}

/** One that holds nothing is refused in Zocalo's words, which refuses them all. */
function readIncluded(file: string, within: readonly string[]): SiteParts {
  if (within.includes(file)) {
    throw fault(`the configuration file ${file} includes itself: ${within.join(' → ')}`, {
      category: 'circular-include',
    })
  }
  const parts = readParts(includedText(file), { directory: dirname(file), file }, within)
  if (parts.blocks.size > 0 || Object.keys(parts.environments).length > 0) return parts
  throw fault(
    `Importing configurations is not yet supported where they hold nothing: ${file} has neither a block nor an environment`,
    { category: 'NotImplementedError', pythonClass: 'NotImplementedError' },
  )
}

function blocksOf(site: Site, { directory }: SiteContext): ReadonlyMap<string, Block | string> {
  const blocks = Object.entries(site).filter(([name]) => !RESERVED.has(name))
  return new Map(
    blocks.map(([name, block]) => [
      name,
      typeof block === 'string' ? resolve(directory, pathOf(block)) : (block as Block),
    ]),
  )
}

/** Reads a block that stands in a file of its own. */
export function readBlockFile(name: string, file: string): Block {
  const block = parsedBlock(name, file, blockText(name, file))
  const plugin = isRecord(block) ? block.plugin : undefined
  if (isRecord(block) && plugin !== undefined && plugin !== null && plugin !== '') return block
  throw new SiteConfigError(
    `Error reading configuration for plugin ${name}: Configuration file ${file} is missing a plugin specification`,
    { category: 'file-without-plugin' },
  )
}

interface CheckedSite {
  readonly site: Site
  readonly environments: Environments
}

function checkedSite(text: string): CheckedSite {
  const written = parsed(text)
  const site = withTextKeys(written)
  if (!isRecord(site) || !Object.hasOwn(site, 'version')) {
    throw fault('Invalid configuration specified; expected an object with "version: 1"', {
      category: 'not-a-configuration',
    })
  }
  if (Number(site.version) !== 1 || typeof site.version === 'string') {
    throw fault(
      `This version of Zocalo does not understand v${String(site.version).slice(0, 40)} configurations; expected 1`,
      { category: 'unknown-version' },
    )
  }
  const environments = checkedEnvironments(site.environments)
  refuseOddNames(written)
  const fields = siteFaults(site, environments, oddNames(written))
  if (Object.keys(fields).length > 0) {
    throw fault(`Invalid YAML configuration: ${JSON.stringify(fields)}`, {
      category: 'schema',
      fields,
    })
  }
  return { site, environments }
}

function parsed(text: string): unknown {
  try {
    return decodeYaml(text)
  } catch (cause) {
    const reason = textOfError(cause)
    throw fault(`the configuration cannot be read: ${reason}`, { category: 'yaml-syntax', cause })
  }
}

/** YAML 1.1 reads the key `yes` as true: such keys become text, as in JSON. */
function withTextKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withTextKeys)
  if (!(value instanceof Map) && !isDict(value)) return value
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  return Object.fromEntries(entries.map(([key, item]) => [String(key), withTextKeys(item)]))
}

/** Python fails at a block whose name is no text. */
function refuseOddNames(site: unknown): void {
  const [name] = oddKeys(site)
  if (name === undefined) return
  throw fault(`the name ${name} of a block is no text in YAML; put it in quotes`, {
    category: 'schema',
    fields: { [name]: ['Not a valid string.'] },
    pythonClass: 'TypeError',
  })
}

function oddNames(site: unknown): OddNames {
  const environments = itemOf(site, 'environments')
  return {
    environments: oddKeys(environments),
    groupsOf: (name) => oddKeys(itemOf(environments, name)),
  }
}

function oddKeys(value: unknown): ReadonlySet<string> {
  const keys = value instanceof Map ? [...value.keys()] : []
  return new Set(keys.filter((key) => typeof key !== 'string').map(String))
}

function itemOf(value: unknown, name: string): unknown {
  if (value instanceof Map) return [...value].find(([key]) => String(key) === name)?.[1]
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

function includedText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw unreadableFile(`the included configuration file ${file}`, cause)
  }
}

function blockText(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw unreadableFile(`Plugin configuration ${name} could not be resolved: ${file}`, cause)
  }
}

function unreadableFile(what: string, cause: unknown): SiteConfigError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : ''
  const kind = code === 'EACCES' || code === 'EPERM' ? 'PermissionError' : 'FileNotFoundError'
  return fault(`${what} cannot be read (${String(code)})`, {
    category: kind,
    pythonClass: kind,
    cause,
  })
}

function parsedBlock(name: string, file: string, text: string): unknown {
  try {
    return withTextKeys(decodeYaml(text))
  } catch (cause) {
    const reason = textOfError(cause)
    throw fault(
      `Plugin configuration ${name} could not be resolved, could not read ${file}: ${reason}`,
      {
        category: 'yaml-syntax',
        pythonClass: 'ValueError',
        cause,
      },
    )
  }
}

function missingPlugins(
  blocks: ReadonlyMap<string, Block | string>,
  plugins: ReadonlySet<string>,
): string[] {
  const named = [...blocks.values()].flatMap((block) =>
    typeof block === 'string' ? [] : [String(block.plugin)],
  )
  return [...new Set(named)]
    .filter((name) => !plugins.has(name))
    .map((name) => `Zocalo configuration plugin '${name}' missing`)
}

function pathOf(path: string): string {
  return path === '~' || path.startsWith('~/') ? homedir() + path.slice(1) : path
}

/** Errors in a file name the file. */
function checkedIn(context: SiteContext, text: string): CheckedSite {
  try {
    return checkedSite(text)
  } catch (error) {
    if (!(error instanceof SiteConfigError) || context.file === null) throw error
    const { category, fields, pythonClass } = error
    throw fault(`Error reading configuration file ${context.file}: ${error.message}`, {
      category,
      pythonClass,
      ...(fields === undefined ? {} : { fields }),
      cause: error,
    })
  }
}

function fault(message: string, details: SiteFault): SiteConfigError {
  return new SiteConfigError(message, details)
}
