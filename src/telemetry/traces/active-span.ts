import { loadedTelemetry, type OpenTelemetryApi } from './open-telemetry.ts'

/** Says something of the active span, where there is one. */
export function setSpanAttribute(name: string, value: string | number): void {
  activeSpan(loadedTelemetry())?.setAttribute(name, value)
}

/** The ids of the active span, for log records; nothing where none is recorded. */
export function spanFields(): { readonly span_id: string; readonly trace_id: string } | undefined {
  const span = activeSpan(loadedTelemetry())
  if (span === undefined || !span.isRecording()) return undefined
  const { spanId, traceId } = span.spanContext()
  return { span_id: spanId, trace_id: traceId }
}

function activeSpan(api: OpenTelemetryApi | null | undefined) {
  return api?.trace.getActiveSpan()
}
