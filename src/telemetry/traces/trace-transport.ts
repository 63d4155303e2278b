import { loadTelemetry, TRACER } from './open-telemetry.ts'
import { markFailed } from './span-failure.ts'
import { hasSdk } from './trace-message.ts'

type Headers = Readonly<Record<string, unknown>>
type Attributes = Readonly<Record<string, string | number | null | undefined>>

/** Spans around the calls and callbacks of a recipe transport. */
export interface TransportTracer {
  /** A span that is active while `work` runs; below that of the headers, where they are given and hold one. */
  within<T>(span: SpanPlan, work: () => Promise<T>): Promise<T>
  /** Headers for a message: these, and the W3C ones of the active span. */
  injected(headers: Headers): Headers
}

export interface SpanPlan {
  readonly name: string
  readonly attributes: Attributes
  readonly receivedWith?: Headers
}

/** Undefined where OpenTelemetry's api is not installed, or no SDK is registered with it. */
export async function transportTracer(serviceName: string): Promise<TransportTracer | undefined> {
  const api = await loadTelemetry()
  if (api === null || !hasSdk(api)) return undefined
  const { context, propagation, trace, ROOT_CONTEXT } = api
  return {
    injected: (headers) => {
      const carrier = { ...headers }
      propagation.inject(context.active(), carrier)
      return carrier
    },
    within: async ({ name, attributes, receivedWith }, work) => {
      const parent =
        receivedWith === undefined
          ? context.active()
          : propagation.extract(ROOT_CONTEXT, receivedWith, GETTER)
      const all = { service_name: serviceName, ...attributes }
      const set = Object.entries(all).filter(([, value]) => value !== null && value !== undefined)
      const span = trace
        .getTracer(TRACER)
        .startSpan(name, { attributes: Object.fromEntries(set) as Record<string, string> }, parent)
      try {
        return await context.with(trace.setSpan(parent, span), work)
      } catch (error) {
        markFailed(api, span, error)
        throw error
      } finally {
        span.end()
      }
    },
  }
}

const GETTER = {
  keys: (carrier: Headers): string[] => Object.keys(carrier),
  get: (carrier: Headers, key: string): string | undefined => {
    const value = carrier[key]
    return typeof value === 'string' ? value : undefined
  },
}
