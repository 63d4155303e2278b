import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { inspect } from 'node:util'
import { zocaloVariable } from '../../config/resolve/environment.ts'
import { SiteConfigError } from '../../errors.ts'
import { type Block, fieldFaults } from './block-fields.ts'
import { LoggingSetup } from './logging-setup.ts'
import { environmentsOnCommandLine } from './named-environments.ts'
import { readBlockFile, readSiteText, type SiteFile } from './read-site-file.ts'

/** A block in a file of its own, read when it is activated: it may hold secrets that others cannot read. */
interface BlockFile {
  readonly file: string
}

export interface FromStringOptions {
  /** The folder that relative paths start at; the working folder by default. */
  readonly directory?: string
}

/** The plug-ins of Zocalo and workflows, and `sqs`. Others come from packages, by `register`. */
const KNOWN_PLUGINS: ReadonlySet<string> = new Set([
  'graylog',
  'iris',
  'jmx',
  'logging',
  'opentelemetry',
  'pika',
  'rabbitmqapi',
  'slurm',
  'smtp',
  'sqs',
  'stomp',
  'storage',
  'transport',
])

/** Turns an activated block into the value that `plugin(name)` gives. */
export type SitePlugin = (block: Block, config: SiteConfig) => unknown

/**
 * A Zocalo site file, version 1: blocks of settings for plug-ins, grouped into environments
 * (https://zocalo.readthedocs.io/en/latest/configuration.html). Nothing takes effect before an environment is
 * activated.
 */
export class SiteConfig {
  /** The blocks of each environment, in the order of their activation. */
  readonly environments: Readonly<Record<string, readonly string[]>>
  readonly #blocks: Map<string, Block | BlockFile>
  readonly #active: string[] = []
  readonly #values = new Map<string, unknown>()
  readonly #activated = new Map<string, Block>()
  readonly #plugins = new Map<string, SitePlugin>()
  readonly #warnings = new Set<string>()

  constructor(site: SiteFile, directory: string) {
    this.environments = site.environments
    this.#blocks = new Map(
      [...site.blocks].map(([name, block]) => [
        name,
        typeof block === 'string' ? { file: resolve(directory, block) } : block,
      ]),
    )
    for (const warning of site.warnings) this.#warnings.add(warning)
  }

  /** Throws `SiteConfigError`, its category says what is wrong, `fields` which settings of which block. */
  static fromFile(path: string): SiteConfig {
    const file = resolve(path)
    const text = fileText(file)
    const context = { directory: dirname(file), file }
    return new SiteConfig(readSiteText(text, context, KNOWN_PLUGINS), context.directory)
  }

  static fromString(text: string, options: FromStringOptions = {}): SiteConfig {
    const directory = resolve(options.directory ?? '.')
    return new SiteConfig(readSiteText(text, { directory, file: null }, KNOWN_PLUGINS), directory)
  }

  /** The file that `ZOCALO_CONFIG` names; without the variable a configuration with nothing in it. */
  static fromEnvironment(): SiteConfig {
    const file = zocaloVariable('ZOCALO_CONFIG')
    return file === null ? SiteConfig.fromString('version: 1') : SiteConfig.fromFile(file)
  }

  get activeEnvironments(): readonly string[] {
    return [...this.#active]
  }

  /** What is odd and no error: plug-ins that are not there, faulty fields of blocks in files. */
  get warnings(): readonly string[] {
    return [...this.#warnings]
  }

  /** Adds a plug-in from a package; its blocks take effect when an environment that names them is activated. */
  register(name: string, plugin: SitePlugin): void {
    this.#plugins.set(name, plugin)
  }

  /** The value of an activated plug-in; null before. */
  plugin(name: 'storage'): Block | null
  plugin(name: 'logging'): LoggingSetup | null
  plugin(name: string): unknown
  plugin(name: string): unknown {
    return this.#values.get(name) ?? null
  }

  /** The last activated block of a plug-in, e.g. the connection settings of `pika`; null before. */
  block(plugin: string): Block | null {
    return this.#activated.get(plugin) ?? null
  }

  /** Runs the plug-in of each block of the environment, in order. Throws `SiteConfigError` for an unknown one. */
  async activateEnvironment(name: string): Promise<void> {
    const blocks = Object.hasOwn(this.environments, name) ? this.environments[name] : undefined
    if (blocks === undefined) {
      throw new SiteConfigError(
        `Environment '${name}' is not defined; there are: ${Object.keys(this.environments).join(', ') || 'none'}`,
        {
          category: 'undefined-environment',
          pythonClass: 'ValueError',
        },
      )
    }
    for (const block of blocks) this.#activate(this.#resolved(block))
    this.#active.push(name)
  }

  /**
   * Activates these environments, or those named on the command line (`-e NAME`), or `ZOCALO_DEFAULT_ENV`, or
   * `default` where it is defined. Resolves with their names.
   */
  async activate(names?: readonly string[] | null): Promise<readonly string[]> {
    const given = names ?? environmentsOnCommandLine(process.argv.slice(2))
    const chosen = given.length > 0 ? given : this.#defaults()
    for (const name of chosen) await this.activateEnvironment(name)
    return chosen
  }

  #defaults(): readonly string[] {
    const named = zocaloVariable('ZOCALO_DEFAULT_ENV')
    if (named !== null) return [named]
    return Object.hasOwn(this.environments, 'default') ? ['default'] : []
  }

  #resolved(name: string): Block {
    const block = this.#blocks.get(name)
    if (block === undefined) return {}
    if (!isBlockFile(block)) return block
    const read = readBlockFile(name, block.file)
    for (const [field, problems] of Object.entries(fieldFaults(read))) {
      this.#warnings.add(`block '${name}' in ${block.file}: ${field}: ${problems.join(' ')}`)
    }
    this.#blocks.set(name, read)
    return read
  }

  #activate(block: Block): void {
    const name = String(block.plugin)
    const own = this.#plugins.get(name)
    if (own === undefined && !KNOWN_PLUGINS.has(name)) {
      this.#warnings.add(`Zocalo configuration plugin '${name}' missing`)
      return
    }
    this.#values.set(name, own === undefined ? this.#builtIn(name, block) : own(block, this))
    this.#activated.set(name, block)
  }

  #builtIn(name: string, block: Block): unknown {
    switch (name) {
      case 'storage':
        return { ...this.plugin('storage'), ...block }
      case 'logging':
        return this.#logging(block)
      case 'rabbitmqapi':
        return { ...block, vhost: block.vhost ?? '/' }
      case 'opentelemetry':
        return {
          endpoint: `https://${block.host}:${block.port}/v1/traces`,
          timeout: block.timeout ?? 10,
        }
      // These set defaults of transport options, which ask `block(name)` for them.
      case 'pika':
      case 'sqs':
      case 'stomp':
      case 'transport':
      case 'graylog':
        return null
      default:
        return block
    }
  }

  /** A later block takes the place of an earlier one. */
  #logging(block: Block): LoggingSetup {
    const setup = new LoggingSetup(block)
    for (const warning of setup.warnings) this.#warnings.add(warning)
    void this.plugin('logging')?.close()
    return setup
  }

  toString(): string {
    const unresolved = [...this.#blocks.values()].filter(isBlockFile).length
    return (
      `<ZocaloConfiguration containing ${Object.keys(this.environments).length} environments, ` +
      `${this.#blocks.size} plugin configurations${unresolved > 0 ? `, ${unresolved} of which are unresolved` : ''}` +
      `${this.#activeText()}>`
    )
  }

  #activeText(): string {
    if (this.#active.length === 0) return ''
    if (this.#active.length === 1) return `, environment '${this.#active[0]}' activated`
    return `, environments [${this.#active.map((name) => `'${name}'`).join(', ')}] activated`
  }

  /** Blocks hold passwords, so that printing the object shows counts alone. */
  [inspect.custom](): string {
    return this.toString()
  }
}

function isBlockFile(block: Block | BlockFile): block is BlockFile {
  return !('plugin' in block)
}

function fileText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new SiteConfigError(`Zocalo configuration file ${file} not found`, {
      category: 'file-not-found',
      cause,
    })
  }
}
