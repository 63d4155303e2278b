import { readFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import type { Logger } from '../../logger.ts'
import { consoleSink } from '../../recipes/log/line-sinks.ts'
import { SiteLog } from '../../recipes/log/site-log.ts'
import type { SiteConfig } from '../../recipes/site/site-config.ts'
import { loadTransport } from '../../recipes/transport/load-transport.ts'
import type { PikaOptions } from '../../recipes/transport/pika/pika-options.ts'
import type { Transport } from '../../recipes/transport/transport.ts'
import { defaultTransport, TRANSPORT_NAMES } from '../../recipes/transport/transport-choice.ts'
import type { PackageParts } from '../../services/package-parts.ts'
import { printError } from '../output/output.ts'
import { activatedSite, graylogOf } from './activated-site.ts'
import { recordCrashes } from './crash-record.ts'

export interface SiteOptions {
  readonly environment?: readonly string[]
  readonly transport?: string
  readonly verbose?: number
  /** Logs the transport, too, where the site's configuration says nothing of logging. */
  readonly debug?: boolean
  readonly rabbitHost?: string
  readonly rabbitPort?: string
  readonly rabbitUser?: string
  readonly rabbitPass?: string
  readonly rabbitVhost?: string
  readonly rabbitConf?: string
}

/** The options that all commands of Zocalo have. */
export function addSiteOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '-e, --environment <env>',
        'an environment of the site to activate; may be repeated',
      ).argParser((value: string, before: readonly string[] = []) => [...before, value]),
    )
    .addOption(new Option('-t, --transport <name>', 'transport').choices([...TRANSPORT_NAMES]))
    .option('--rabbit-host <host>', 'RabbitMQ host, or several with commas between them')
    .option('--rabbit-port <port>', 'RabbitMQ port')
    .option('--rabbit-user <user>', 'RabbitMQ user')
    .option('--rabbit-pass <password>', 'RabbitMQ password')
    .option('--rabbit-vhost <vhost>', 'RabbitMQ virtual host')
    .option(
      '--rabbit-conf <file>',
      'an ini file with a section [rabbit]: host, port, username, password, vhost',
    )
}

/** `-v`, which may be repeated. */
export function addVerbose(command: Command, text: string): Command {
  return command.addOption(
    new Option('-v, --verbose', text).argParser(
      (_value: unknown, before: number | undefined) => (before ?? 0) + 1,
    ),
  )
}

/** A site, its environments activated, and what follows from it for this command. */
export interface Site {
  readonly config: SiteConfig
  readonly log: SiteLog
  readonly parts: PackageParts
  readonly transportName: string
  open(name?: string): Transport
}

export async function openSite(options: SiteOptions): Promise<Site> {
  const { config, parts } = await activatedSite(options.environment)
  const setup = config.plugin('logging')
  const verbosity = options.verbose ?? 0
  if (setup !== null) setup.verbosity = verbosity
  const { debug: isDebugging = false } = options
  const console = consoleSink(verbosity > 0 || isDebugging ? 10 : 20, printError)
  const log = new SiteLog(setup, [console, ...(await graylogOf(config))], { isDebugging })
  recordCrashes(log.logger('zocalo'), () => log.close())
  for (const warning of config.warnings)
    log.logger('zocalo').warn({ warning }, 'warning about the site configuration')
  const transportName = options.transport ?? defaultTransport(config)
  const rabbit = rabbitOptions(options)
  const openTransport = await loadTransport(transportName)
  return {
    config,
    log,
    parts,
    transportName,
    open: (name) => {
      const transportLog: Logger = log.logger('workflows.transport')
      return openTransport({
        ...rabbit,
        config,
        log: transportLog,
        connectionName: name,
      })
    },
  }
}

function rabbitOptions(options: SiteOptions): PikaOptions {
  const file = options.rabbitConf === undefined ? {} : readIni(options.rabbitConf)
  const given = {
    host: options.rabbitHost ?? file.host,
    port: options.rabbitPort ?? file.port,
    username: options.rabbitUser ?? file.username,
    password: options.rabbitPass ?? file.password,
    vhost: options.rabbitVhost ?? file.vhost,
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

/** The section [rabbit] of an ini file. */
function readIni(file: string): Readonly<Record<string, string>> {
  const values: Record<string, string> = {}
  let section = ''
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    section = /^\s*\[(.*)\]\s*$/.exec(line)?.[1] ?? section
    const [, key = '', value = ''] = /^\s*([^#;=:\s][^=:]*?)\s*[=:]\s*(.*?)\s*$/.exec(line) ?? []
    if (section === 'rabbit' && key !== '') values[key.toLowerCase()] = value
  }
  return values
}
