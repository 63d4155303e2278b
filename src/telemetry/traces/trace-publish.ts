import type { Attributes } from '@opentelemetry/api'
import type { Message, Route } from '../../protocol/message.ts'
import { loadedTelemetry, loadTelemetry } from './open-telemetry.ts'
import { markFailed } from './span-failure.ts'
import { TRACER } from './tracer.ts'

/** A message about to be published, and whose call it is. */
interface TracedCall {
  readonly id: string
  readonly task: string
  readonly message: Message
  readonly route: Route
}

/**
 * Publishes within a span, of which the message carries the W3C headers (`traceparent`): the worker that runs the task goes on
 * from there. Names and attributes are those of Python's opentelemetry-instrumentation-celery.
 */
export async function tracePublish<Result>(
  call: TracedCall,
  publish: (message: Message) => Promise<Result>,
): Promise<Result> {
  const api = loadedTelemetry() ?? (await loadTelemetry())
  if (api === null) return await publish(call.message)
  const { trace, context, propagation, SpanKind } = api
  const span = trace.getTracer(TRACER).startSpan(`apply_async/${call.task}`, {
    kind: SpanKind.PRODUCER,
    attributes: attributesOf(call),
  })
  const active = trace.setSpan(context.active(), span)
  const carrier: Record<string, unknown> = {}
  propagation.inject(active, carrier)
  try {
    return await context.with(active, async () => publish(withHeaders(call.message, carrier)))
  } catch (error) {
    markFailed(api, span, error)
    throw error
  } finally {
    span.end()
  }
}

function attributesOf({ id, task, route }: TracedCall): Attributes {
  return {
    'celery.action': 'apply_async',
    'celery.task_name': task,
    'celery.exchange': route.exchange,
    'messaging.message.id': id,
    'messaging.destination': route.routingKey,
  }
}

/** Those of an earlier attempt give way. */
function withHeaders(message: Message, carrier: Readonly<Record<string, unknown>>): Message {
  if (Object.keys(carrier).length === 0) return message
  return { ...message, headers: { ...message.headers, ...carrier } }
}
