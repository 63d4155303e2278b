import type { Span } from '@opentelemetry/api'
import { repr } from '../../codecs/python/python-repr.ts'
import { exceptionInfo, tracebackOf } from '../../protocol/results/exceptions.ts'
import type { OpenTelemetryApi } from './open-telemetry.ts'

/** Records a failure in its span. Never throws, even for a value that cannot be read. */
export function markFailed(api: OpenTelemetryApi, span: Span, error: unknown): void {
  const { excType: name, excMessage } = exceptionInfo(error)
  const message = excMessage.map((argument) => argumentText(argument)).join(', ')
  span.recordException({ name, message, stack: tracebackOf(error) })
  span.setStatus({ code: api.SpanStatusCode.ERROR, message: `${name}: ${message}` })
}

function argumentText(argument: unknown): string {
  return typeof argument === 'string' ? argument : repr(argument)
}
