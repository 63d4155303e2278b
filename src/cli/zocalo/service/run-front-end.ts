import { DisconnectedError } from '../../../errors.ts'
import type { ServiceClass } from '../../../recipes/service/common-service.ts'
import { type GlobalOptions, openApp } from '../../app/open-app.ts'
import { printError } from '../../output/output.ts'
import type { Site, SiteOptions } from '../site.ts'

export interface ServiceCommandOptions extends SiteOptions, GlobalOptions {
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

/** A service by its whole name. */
export interface ChosenService {
  readonly name: string
  readonly serviceClass: ServiceClass
}

/** Runs one instance of a service until it is stopped, or has failed; answers the exit code. */
export async function runFrontEnd(
  options: ServiceCommandOptions,
  site: Site,
  { name, serviceClass }: ChosenService,
): Promise<number> {
  await givePlugins(name, site)
  const { openTelemetry } = await import('./service-telemetry.ts')
  const { FrontEnd } = await import('../../../recipes/service/front-end.ts')
  const { clusterFields } = await import('../../../recipes/service/cluster-fields.ts')
  const { stopOnSignals } = await import('../../../lifecycle/stop-on-signals.ts')
  const record = options.app === undefined ? null : await openRecord(options, site)
  const isAlone = options.asInstance !== true
  const telemetry = await openTelemetry(site, {
    serviceClass,
    metricsPort: options.metrics === true ? options.metricsPort : undefined,
  })
  const debugging = options.debug === true ? await callLog(site) : null
  const frontEnd = new FrontEnd({
    serviceClass,
    name,
    openTransport: (role) => {
      const transport = site.open(`${name} ${role} ${process.pid}`)
      if (role === 'service') {
        if (record !== null) transport.addMiddleware?.(record.recorder)
        for (const middleware of telemetry.middleware) transport.addMiddleware?.(middleware)
        if (debugging !== null) transport.addMiddleware?.(debugging)
      }
      return transport
    },
    config: site.config,
    log: site.log.logger('workflows.frontend'),
    serviceLog: site.log.serviceLogger(serviceClass.loggerName ?? 'workflows.service'),
    environment: {
      live: isLive(site),
      liveness: options.liveness === true,
      ...(record !== null && { app: record.app }),
    },
    tag: options.tag,
    restart: options.restart === true,
    concurrency: options.concurrency,
    ...(isAlone && sharedOptions(options)),
    extra: await clusterFields(),
    onStatus: (logFields) => {
      site.log.extra = logFields
    },
    onStarted: (service) => {
      printError(`${name} is running on ${site.transportName}`)
      pool?.report(service.transport.subscribedQueues ?? [])
    },
  })
  const pool = isAlone
    ? null
    : (await import('../../../services/instances/forked-instance.ts')).obeyPool((how) => {
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
          kind === 'warm' ? `${name}: ending (again to end at once)` : `${name}: ending at once`,
        ),
    },
  )
  try {
    return await frontEnd.run()
  } catch (error) {
    if (!(error instanceof DisconnectedError)) throw error
    printError(error.message)
    return 1
  } finally {
    until.abort()
    pool?.end()
    await record?.close()
    await telemetry.close()
    await site.log.close()
  }
}

/** What concerns all instances of a service, however many. */
export function sharedOptions({
  maxLifetime,
  liveness,
  livenessPort,
  livenessTimeout,
}: ServiceCommandOptions) {
  return {
    maxLifetimeMs: maxLifetime === undefined ? undefined : maxLifetime * 1000,
    liveness:
      liveness === true ? { port: livenessPort, timeoutMs: livenessTimeout * 1000 } : undefined,
  }
}

async function callLog({ log }: Site) {
  const { CallLog } = await import('../../../recipes/record/call-log.ts')
  return new CallLog(log.logger('workflows.transport'))
}

/** Over the broker of the app that -A names, a monitor hears of every step. */
async function openRecord(options: ServiceCommandOptions, { log }: Site) {
  const { RunRecorder } = await import('../../../recipes/record/run-recorder.ts')
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
  const { Dispatcher } = await import('../../../services/dispatcher.ts')
  const { loadAll } = await import('../../../services/package-parts.ts')
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
