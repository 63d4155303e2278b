import { textOrNull } from '../../protocol/field-readers.ts'
import { loadTelemetry, type OpenTelemetryApi, TRACER } from './open-telemetry.ts'
import { markFailed } from './span-failure.ts'

type Headers = Readonly<Record<string, unknown>>

/** The span of one message on its way through a block. */
export interface MessageTrace {
  /** The headers of its results: those it came with, and the W3C headers of its span. */
  readonly headers: Headers
  /** Calls `work` with the span active. */
  within<Result>(work: () => Result): Result
  /** The first call counts. */
  end(error?: Error): void
}

export type TraceMessage = (
  name: string,
  message: { readonly headers: Headers; readonly attributes: Readonly<Record<string, string>> },
) => MessageTrace

/**
 * What traces messages; undefined where OpenTelemetry's api is not installed or no SDK is registered with it, so that
 * messages without a trace cost nothing. A span continues the `traceparent` of its message, if it has one.
 */
export async function messageTracer(): Promise<TraceMessage | undefined> {
  if (!isRegistered()) return undefined
  const api = await loadTelemetry()
  if (api === null || !hasSdk(api)) return undefined
  const { trace, context, propagation, ROOT_CONTEXT, SpanKind } = api
  return (name, { headers, attributes }) => {
    const sent = propagation.extract(ROOT_CONTEXT, headers, {
      keys: (carrier) => Object.keys(carrier),
      get: (carrier, key) => textOrNull(carrier[key]) ?? undefined,
    })
    const span = trace
      .getTracer(TRACER)
      .startSpan(name, { kind: SpanKind.CONSUMER, attributes: { ...attributes } }, sent)
    const active = trace.setSpan(sent, span)
    const carrier: Record<string, unknown> = {}
    propagation.inject(active, carrier)
    return {
      headers: { ...headers, ...carrier },
      within: (work) => context.with(active, work),
      end: (error) => {
        if (error !== undefined) markFailed(api, span, error)
        span.end()
      },
    }
  }
}

/** OpenTelemetry's api keeps what is registered in a global; where there is none, it is not loaded for this question. */
function isRegistered(): boolean {
  return Object.getOwnPropertySymbols(globalThis).some(({ description }) =>
    description?.startsWith('opentelemetry.js.api.'),
  )
}

/** A proxy without a delegate hands out the one provider that does nothing. */
export function hasSdk({ trace, ProxyTracerProvider }: OpenTelemetryApi): boolean {
  const provider = trace.getTracerProvider()
  if (!(provider instanceof ProxyTracerProvider)) return true
  return provider.getDelegate() !== new ProxyTracerProvider().getDelegate()
}
