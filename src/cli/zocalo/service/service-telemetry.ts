import type { ServiceClass } from '../../../recipes/service/common-service.ts'
import type { Middleware } from '../../../recipes/transport/middleware.ts'
import type { Site } from '../site.ts'

interface TelemetryOptions {
  readonly serviceClass: ServiceClass
  /** Where Prometheus asks; undefined for nowhere. */
  readonly metricsPort: number | undefined
}

/** What counts and traces the transport of a service. */
interface ServiceTelemetry {
  readonly middleware: readonly Middleware[]
  close(): Promise<void>
}

export async function openTelemetry(
  site: Site,
  options: TelemetryOptions,
): Promise<ServiceTelemetry> {
  const metrics = options.metricsPort === undefined ? null : await serveMetrics(site, options)
  const tracing = await traceCalls(site, options.serviceClass)
  return {
    middleware: [...(metrics?.middleware ?? []), ...tracing.middleware],
    close: async () => {
      await metrics?.close()
      await tracing.close()
    },
  }
}

async function serveMetrics(site: Site, options: TelemetryOptions): Promise<ServiceTelemetry> {
  const { serviceClass, metricsPort = 0 } = options
  const logger = site.log.logger('workflows.frontend')
  const { Metrics } = await import('../../../telemetry/metrics/metrics.ts')
  const { TransportMetrics } = await import('../../../telemetry/metrics/transport-metrics.ts')
  const { MetricsMiddleware } = await import('../../../recipes/record/metrics-middleware.ts')
  const { HealthServer } = await import('../../../lifecycle/health-server.ts')
  const metrics = await Metrics.open(logger)
  const source = `${serviceClass.loggerName ?? 'workflows.service'}:${serviceClass.name}`
  const server = new HealthServer({
    port: metricsPort,
    host: '0.0.0.0',
    problems: () => [],
    metrics: async () => await metrics.read(),
    logger,
  })
  await server.start()
  return {
    middleware: [new MetricsMiddleware(new TransportMetrics(metrics.kit, source))],
    close: async () => await server.stop(),
  }
}

/** Where the site has a block `opentelemetry`, or the process an SDK of its own. */
async function traceCalls(site: Site, serviceClass: ServiceClass): Promise<ServiceTelemetry> {
  const name = serviceClass.serviceName ?? serviceClass.name
  const place = site.config.plugin('opentelemetry') as { endpoint: string; timeout: number } | null
  const { startTracing } = await import('../../../telemetry/traces/start-tracing.ts')
  const tracing =
    place === null
      ? null
      : await startTracing(name, { endpoint: place.endpoint, timeoutMs: place.timeout * 1000 })
  const { transportTracer } = await import('../../../telemetry/traces/trace-transport.ts')
  const tracer = await transportTracer(name)
  if (tracer === undefined) {
    if (place !== null) site.log.logger('zocalo').warn(MISSING)
    return { middleware: [], close: () => Promise.resolve() }
  }
  const { TracingMiddleware } = await import('../../../recipes/record/tracing-middleware.ts')
  return {
    middleware: [new TracingMiddleware(tracer)],
    close: async () => await tracing?.close(),
  }
}

const MISSING =
  'nothing is traced: the site has a block opentelemetry, and of @opentelemetry/api, sdk-trace-base, exporter-trace-otlp-http, context-async-hooks, core, resources one is not installed'
