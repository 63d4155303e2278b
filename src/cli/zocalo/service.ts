import { type Command, Option } from 'commander'
import { DisconnectedError, UsageError } from '../../errors.ts'
import { type GlobalOptions, openApp } from '../app/open-app.ts'
import { count, positiveInteger, seconds } from '../options/option-values.ts'
import { printError } from '../output/output.ts'
import { addSiteOptions, addVerbose, openSite, type Site, type SiteOptions } from './site.ts'

interface ServiceCommandOptions extends SiteOptions, GlobalOptions {
  readonly service?: string
  readonly restart?: boolean
  readonly tag?: string
  readonly liveness?: boolean
  readonly livenessPort: number
  readonly livenessTimeout: number
  readonly concurrency?: number
  readonly maxLifetime?: number
  readonly min?: number
  readonly max?: number
  readonly idle: number
  readonly asInstance?: boolean
  readonly metrics?: boolean
  readonly metricsPort: number
}

const EXAMPLES = `
A project's own services stand in its package.json: "celery-toolbox": { "services": { "NAME": "./file.mjs#Export" } }.
The site's configuration is the file that ZOCALO_CONFIG names.

Examples:
  celery-toolbox service -s Dispatcher
  celery-toolbox -A app.ts service -s Dispatcher          (a monitor of that app records every step)
  celery-toolbox service -s MyService -e test --tag blue --restart --liveness
  celery-toolbox service -s MyService --min 1 --max 8      (as many processes as its queues ask for)`

export function addService(program: Command): void {
  const command = program
    .command('service')
    .description('run a service of a recipe pipeline (Zocalo: zocalo.service)')
    .addOption(new Option('-s, --service <name>', 'name of the service, or the beginning of one'))
    .option('-d, --debug', 'log every step of the transport too')
    .option('-r, --restart', 'start a new instance where one has failed')
    .option('--tag <tag>', 'an individual tag, shown in status broadcasts')
    .option('--liveness', 'answer HTTP requests: 200 where the service takes messages')
    .option('--liveness-port <port>', 'port of the liveness check', positiveInteger, 8000)
    .option(
      '--liveness-timeout <seconds>',
      'after which a busy service counts as stuck',
      positiveInteger,
      30,
    )
    .option('-m, --metrics', 'serve /metrics for Prometheus')
    .option('--metrics-port <port>', 'port of the metrics', positiveInteger, 8080)
    .option(
      '-c, --concurrency <n>',
      'messages at a time (1, or what the class says)',
      positiveInteger,
    )
    .option('--max-lifetime <seconds>', 'shut down after so long', positiveInteger)
    .option('--min <n>', 'processes that run at least; more as long as messages wait', count)
    .option('--max <n>', 'processes that run at most', positiveInteger)
    .addOption(
      new Option('--idle <seconds>', 'after which a process beyond --min ends, where none wait')
        .argParser(seconds)
        .default(30),
    )
    .addOption(new Option('--as-instance', 'as one process of --min and --max').hideHelp())
    .addHelpText('after', EXAMPLES)
  addVerbose(addSiteOptions(command), 'show debug output').action(
    async (_options: unknown, self: Command) => await runService(self.optsWithGlobals()),
  )
}

async function runService(options: ServiceCommandOptions): Promise<void> {
  if (options.service === undefined) throw new UsageError('-s NAME is needed: the service to run')
  const site = await openSite(options)
  const log = site.log.logger('workflows.frontend')
  const { findService } = await import('../../services/service-registry.ts')
  const found = findService(options.service, site.parts)
  if (found.name === null) {
    const { serviceNames } = await import('../../services/service-registry.ts')
    const known = found.candidates.length > 0 ? found.candidates : serviceNames(site.parts)
    printError(
      `${found.candidates.length > 0 ? 'Ambiguous' : 'Unknown'} service "${options.service}"; there are: ${known.join(', ')}`,
    )
    process.exitCode = 1
    return
  }
  const serviceClass = await found.load()
  if ((options.min ?? options.max) !== undefined && options.asInstance !== true) {
    process.exitCode = await instances(options, site, {
      name: found.name,
      className: serviceClass.name,
    })
    return
  }
  await givePlugins(found.name, site)
  const { openTelemetry } = await import('./service-telemetry.ts')
  const { FrontEnd } = await import('../../recipes/service/front-end.ts')
  const { clusterFields } = await import('../../recipes/service/cluster-fields.ts')
  const { stopOnSignals } = await import('../../lifecycle/stop-on-signals.ts')
  const record = options.app === undefined ? null : await openRecord(options, site)
  const isAlone = options.asInstance !== true
  const telemetry = await openTelemetry(site, {
    serviceClass,
    metricsPort: options.metrics === true ? options.metricsPort : undefined,
  })
  const frontEnd = new FrontEnd({
    serviceClass,
    name: found.name,
    openTransport: (role) => {
      const transport = site.open(`${found.name} ${role} ${process.pid}`)
      if (role === 'service') {
        if (record !== null) transport.addMiddleware?.(record.recorder)
        for (const middleware of telemetry.middleware) transport.addMiddleware?.(middleware)
      }
      return transport
    },
    config: site.config,
    log,
    serviceLog: site.log.logger(serviceClass.loggerName ?? 'workflows.service'),
    environment: {
      live: isLive(site),
      liveness: options.liveness === true,
      ...(record !== null && { app: record.app }),
    },
    tag: options.tag,
    restart: options.restart === true,
    concurrency: options.concurrency,
    ...(isAlone && shared(options)),
    extra: await clusterFields(),
    onStatus: (logFields) => {
      site.log.extra = logFields
    },
    onStarted: (service) => {
      printError(`${found.name} is running on ${site.transportName}`)
      pool?.tell(service.transport.subscribedQueues ?? [])
    },
  })
  const pool = isAlone
    ? null
    : (await import('../../services/instances/forked-instance.ts')).obeyPool((how) => {
        void frontEnd.stop(how)
      })
  const until = new AbortController()
  void stopOnSignals(
    {
      stop: async (how) => await frontEnd.stop({ isAtOnce: how.graceMs === 0 }),
    },
    {
      until: until.signal,
      onSignal: (_signal, kind) =>
        printError(
          kind === 'warm'
            ? `${found.name}: ending (again to end at once)`
            : `${found.name}: ending at once`,
        ),
    },
  )
  try {
    process.exitCode = await frontEnd.run()
  } catch (error) {
    if (!(error instanceof DisconnectedError)) throw error
    printError(error.message)
    process.exitCode = 1
  } finally {
    until.abort()
    pool?.end()
    await record?.close()
    await telemetry.close()
    await site.log.close()
  }
}

/** What concerns all instances of a service, however many. */
function shared({ maxLifetime, liveness, livenessPort, livenessTimeout }: ServiceCommandOptions) {
  return {
    maxLifetimeMs: maxLifetime === undefined ? undefined : maxLifetime * 1000,
    liveness:
      liveness === true ? { port: livenessPort, timeoutMs: livenessTimeout * 1000 } : undefined,
  }
}

async function instances(
  options: ServiceCommandOptions,
  site: Site,
  names: { readonly name: string; readonly className: string },
): Promise<0 | 1> {
  const { min = 1, max = Math.max(1, min), idle } = options
  if (min > max) throw new UsageError(`--min ${min} is more than --max ${max}`)
  const { runInstances } = await import('./service-instances.ts')
  try {
    const pace = { idleMs: idle * 1000, everyMs: Math.min(2000, Math.max(100, idle * 500)) }
    return await runInstances(site, { ...names, ...shared(options), min, max, pace })
  } finally {
    await site.log.close()
  }
}

/** Over the broker of the app that -A names, a monitor hears of every step. */
async function openRecord(options: ServiceCommandOptions, { log }: Site) {
  const { RunRecorder } = await import('../../recipes/record/run-recorder.ts')
  const app = await openApp(options)
  const recorder = new RunRecorder({
    tell: (events) => app.events.deliver(events),
    log: log.logger('workflows.record'),
  })
  return {
    app,
    recorder,
    close: async (): Promise<void> => {
      await recorder.flushed()
      await app.close()
    },
  }
}

/** The Dispatcher's filters and readiness checks are the project's. */
async function givePlugins(name: string, { parts }: Site): Promise<void> {
  if (name !== 'Dispatcher') return
  const { Dispatcher } = await import('../../services/dispatcher.ts')
  const { loadAll } = await import('../../services/package-parts.ts')
  Dispatcher.plugins = {
    filters: (await loadAll(parts.filters)) as typeof Dispatcher.plugins.filters,
    readyForProcessing: (await loadAll(
      parts.readyForProcessing,
    )) as typeof Dispatcher.plugins.readyForProcessing,
  }
}

function isLive({ config }: Site): boolean {
  return config.activeEnvironments.some((name) => name === 'live' || name === 'default')
}
