import { loadTelemetry } from './open-telemetry.ts'

interface OtlpPlace {
  /** Takes OTLP over HTTP in JSON, e.g. `https://collector:4318/v1/traces`. */
  readonly endpoint: string
  readonly timeoutMs: number
}

/** Tracing that was started, and the way to send what is left of it. */
export interface Tracing {
  close(): Promise<void>
}

/**
 * Sends this process's spans to a collector. Null where a package of OpenTelemetry is missing, or where an SDK is
 * registered already: that one sends them.
 */
export async function startTracing(
  serviceName: string,
  { endpoint: url, timeoutMs: timeoutMillis }: OtlpPlace,
): Promise<Tracing | null> {
  const api = await loadTelemetry()
  if (api === null) return null
  try {
    const { BasicTracerProvider, BatchSpanProcessor } = await import(
      '@opentelemetry/sdk-trace-base'
    )
    const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http')
    const { AsyncLocalStorageContextManager } = await import('@opentelemetry/context-async-hooks')
    const { W3CTraceContextPropagator } = await import('@opentelemetry/core')
    const { resourceFromAttributes } = await import('@opentelemetry/resources')
    const provider = new BasicTracerProvider({
      resource: resourceFromAttributes({ 'service.name': serviceName }),
      spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url, timeoutMillis }))],
    })
    if (!api.trace.setGlobalTracerProvider(provider)) return null
    api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    api.propagation.setGlobalPropagator(new W3CTraceContextPropagator())
    return { close: async () => await provider.shutdown().catch(() => undefined) }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')
      return null
    throw error
  }
}
