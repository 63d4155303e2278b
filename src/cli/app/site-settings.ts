import { type Command, Option } from 'commander'
import type { Logging } from '../../config/logging/logging.ts'
import { setSiteSettings, zocaloVariable } from '../../config/resolve/environment.ts'
import { ConfigError } from '../../errors.ts'
import type { Logger, LogMethod } from '../../logger.ts'
import type { SiteConfig } from '../../recipes/site/site-config.ts'
import { printError } from '../output/output.ts'

let site: SiteConfig | undefined

/** `-e` of workers and monitors. */
export function addSiteEnvironment(command: Command): Command {
  return command.addOption(
    new Option(
      '-e, --environment <env>',
      'an environment of the site file (ZOCALO_CONFIG) to activate; may be repeated',
    ).argParser((value: string, before: readonly string[] = []) => [...before, value]),
  )
}

/** With `ZOCALO_CONFIG`, the site says where the broker is, and what is logged where, unless the app does. */
export async function applySite(names: readonly string[] = []): Promise<void> {
  if (zocaloVariable('ZOCALO_CONFIG') === null) {
    site = undefined
    setSiteSettings({})
    return
  }
  if (site !== undefined) return
  const { activatedSite } = await import('../zocalo/activated-site.ts')
  const { config } = await activatedSite(names)
  for (const warning of config.warnings) printError(`warning: ${warning}`)
  site = config
  const api = config.block('rabbitmqapi')
  setSiteSettings({
    ...(await brokerOf(config)),
    ...(api !== null && { RABBITMQ_API_URL: apiUrlOf(api) }),
  })
}

/** Of the transport that recipe services use, where the site has blocks of both. */
async function brokerOf(config: SiteConfig): Promise<Readonly<Record<string, unknown>>> {
  const { defaultTransport } = await import('../../recipes/transport/transport-choice.ts')
  const [pika, sqs] = [config.block('pika'), config.block('sqs')]
  if (sqs !== null && (pika === null || defaultTransport(config) === 'SqsTransport')) {
    const { withSqsBlock } = await import('../../recipes/transport/sqs/sqs-options.ts')
    const { url = 'sqs://', transportOptions } = withSqsBlock({}, sqs)
    return { broker_url: url, broker_transport_options: transportOptions }
  }
  if (pika === null) return {}
  const { urlOf } = await import('../../recipes/transport/pika/pika-options.ts')
  return { broker_url: urlOf(pika) }
}

/** What is logged goes to the handlers of the site's block `logging`, too, and to its Graylog. */
export async function withSiteLogging(logging: Logging, verbosity: number): Promise<Logging> {
  const setup = site?.plugin('logging') ?? null
  if (site === undefined || (setup === null && site.block('graylog') === null)) return logging
  const { SiteLog } = await import('../../recipes/log/site-log.ts')
  const { graylogOf } = await import('../zocalo/activated-site.ts')
  if (setup !== null) setup.verbosity = verbosity
  const log = new SiteLog(setup, await graylogOf(site))
  const { recordCrashes } = await import('../zocalo/crash-record.ts')
  const close = async (): Promise<void> => {
    await log.close()
    await logging.close()
  }
  const logger = both(logging.logger, log.logger('celery_toolbox'))
  recordCrashes(logger, close)
  return {
    logger,
    close,
    [Symbol.asyncDispose]: close,
  }
}

function both(one: Logger, other: Logger): Logger {
  const method = (level: 'debug' | 'info' | 'warn' | 'error'): LogMethod =>
    ((first: Readonly<Record<string, unknown>> | string, sentence?: string) => {
      for (const log of [one, other]) {
        if (typeof first === 'string') log[level](first)
        else log[level](first, sentence ?? '')
      }
    }) as LogMethod // both of its forms
  return {
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
    child: (fields) => both(one.child(fields), other.child(fields)),
  }
}

/** The first of its urls, with the user in it. */
function apiUrlOf(block: Readonly<Record<string, unknown>>): string {
  const first = String(block.base_url).split(',')[0]?.trim() ?? ''
  // Node's own error would hold the text, and a password in it.
  if (!/^https?:/i.test(first) || !URL.canParse(first)) {
    throw new ConfigError([
      'base_url of the block "rabbitmqapi" is no url, expected one such as http://HOST:15672/api',
    ])
  }
  const url = new URL(first)
  url.username = encodeURIComponent(String(block.username ?? ''))
  url.password = encodeURIComponent(String(block.password ?? ''))
  url.pathname = url.pathname.replace(/\/api\/?$/, '')
  return url.href
}
