import type { Attributes, Span } from '@opentelemetry/api'
import type { Message, Route } from '../../protocol/message.ts'
import { loadedTelemetry, loadTelemetry, type OpenTelemetryApi, TRACER } from './open-telemetry.ts'
import { markFailed } from './span-failure.ts'

/** A message about to be published, and whose call it is. */
interface TracedCall {
  readonly taskId: string
  readonly name: string
  readonly message: Message
  readonly route: Route
}

/**
 * Publishes within a span, of which the message carries the W3C headers (`traceparent`): the worker that runs the task
 * continues the trace. Names and attributes are those of Python's opentelemetry-instrumentation-celery.
 */
export function tracePublish<Result>(
  call: TracedCall,
  publish: (message: Message) => Promise<Result>,
): Promise<Result> {
  const api = loadedTelemetry()
  if (api === undefined) return loadTelemetry().then(() => tracePublish(call, publish))
  return api === null ? publish(call.message) : publishInSpan(api, call, publish)
}

function publishInSpan<Result>(
  api: OpenTelemetryApi,
  call: TracedCall,
  publish: (message: Message) => Promise<Result>,
): Promise<Result> {
  const { trace, context, propagation, SpanKind } = api
  const span = trace.getTracer(TRACER).startSpan(`apply_async/${call.name}`, {
    kind: SpanKind.PRODUCER,
    attributes: attributesOf(call),
  })
  const active = trace.setSpan(context.active(), span)
  const carrier: Record<string, unknown> = {}
  propagation.inject(active, carrier)
  const message = withHeaders(call.message, carrier)
  const published = context.with(active, () => publish(message))
  // Where nothing is recorded, there is nothing to keep for its end.
  return span.isRecording() ? endingWith(published, span, api) : published
}

async function endingWith<Result>(
  published: Promise<Result>,
  span: Span,
  api: OpenTelemetryApi,
): Promise<Result> {
  try {
    return await published
  } catch (error) {
    markFailed(api, span, error)
    throw error
  } finally {
    span.end()
  }
}

function attributesOf({ taskId, name, route }: TracedCall): Attributes {
  return {
    'celery.action': 'apply_async',
    'celery.task_name': name,
    'celery.exchange': route.exchange,
    'messaging.message.id': taskId,
    'messaging.destination': route.routingKey,
  }
}

/** Those of an earlier attempt give way. */
function withHeaders(message: Message, carrier: Readonly<Record<string, unknown>>): Message {
  if (Object.keys(carrier).length === 0) return message
  return { ...message, headers: { ...message.headers, ...carrier } }
}
