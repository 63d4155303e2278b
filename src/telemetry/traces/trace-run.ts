import type { Attributes, TextMapGetter } from '@opentelemetry/api'
import type { Headers } from '../../protocol/message.ts'
import type { TaskRequest } from '../../protocol/tasks/task-request.ts'
import { loadedTelemetry, TRACER } from './open-telemetry.ts'
import { markFailed } from './span-failure.ts'

/** One run of a task, as it is traced. */
export interface RunTrace {
  /** Does it as part of the run: what is published in it continues the run's span. */
  within<Result>(work: () => Promise<Result>): Promise<Result>
  set(attributes: Readonly<Record<string, string>>): void
  failed(error: unknown): void
  end(): void
}

/** Where a task runs. */
interface RunPlace {
  readonly worker: string
  readonly routingKey: string
}

/**
 * The span of a run, which follows from the span that the message was published in, in any language.
 * Without OpenTelemetry it does nothing.
 */
export function traceRun(request: TaskRequest, place: RunPlace): RunTrace {
  const api = loadedTelemetry()
  if (api === undefined || api === null) return UNTRACED
  const { trace, propagation, context, SpanKind } = api
  // Not what happens to be active here: a worker's loop is no parent of its tasks.
  const published = propagation.extract(api.ROOT_CONTEXT, request.headers, HEADER_GETTER)
  const span = trace
    .getTracer(TRACER)
    .startSpan(
      `run/${request.task}`,
      { kind: SpanKind.CONSUMER, attributes: attributesOf(request, place) },
      published,
    )
  // The package alone traces nothing: a run must not pay for it.
  const isTraced = published !== api.ROOT_CONTEXT || api.isSpanContextValid(span.spanContext())
  if (!isTraced) return UNTRACED
  const active = trace.setSpan(published, span)
  return {
    within: async (work) => await context.with(active, work),
    set: (attributes) => {
      span.setAttributes(attributes)
    },
    failed: (error) => markFailed(api, span, error),
    end: () => span.end(),
  }
}

/** Where nothing is traced. */
export const UNTRACED: RunTrace = {
  within: async (work) => await work(),
  set: () => undefined,
  failed: () => undefined,
  end: () => undefined,
}

/** The W3C headers of the span that is active here, for work that another process continues. */
export function activeTrace(): Readonly<Record<string, string>> {
  const carrier: Record<string, string> = {}
  const api = loadedTelemetry()
  api?.propagation.inject(api.context.active(), carrier)
  return carrier
}

/** Does the work as part of the span that those headers name. */
export function withinTrace<Result>(headers: Headers, work: () => Result): Result {
  const api = loadedTelemetry()
  if (api === undefined || api === null) return work()
  return api.context.with(api.propagation.extract(api.ROOT_CONTEXT, headers, HEADER_GETTER), work)
}

/** A part of the active work, in a span of its own. */
export async function traceStep<Result>(
  name: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const api = loadedTelemetry()
  if (api === undefined || api === null) return await work()
  return await api.trace.getTracer(TRACER).startActiveSpan(name, async (span) => {
    try {
      return await work()
    } catch (error) {
      markFailed(api, span, error)
      throw error
    } finally {
      span.end()
    }
  })
}

/** Headers hold more than text; other values were not written by a tracer. */
const HEADER_GETTER: TextMapGetter<Headers> = {
  keys: (headers) => Object.keys(headers),
  get: (headers, key) => {
    const value = Object.hasOwn(headers, key) ? headers[key] : undefined
    return typeof value === 'string' ? value : undefined
  },
}

function attributesOf(request: TaskRequest, { worker, routingKey }: RunPlace): Attributes {
  const { correlationId, replyTo, eta, expires, retries, origin } = request
  return {
    'celery.action': 'run',
    'celery.task_name': request.task,
    'celery.worker': worker,
    'messaging.message.id': request.id,
    'messaging.destination': routingKey,
    ...(correlationId !== null && { 'messaging.conversation_id': correlationId }),
    ...(replyTo !== null && { 'celery.reply_to': replyTo }),
    ...(origin !== null && { 'celery.hostname': origin }),
    ...(eta !== null && { 'celery.eta': eta }),
    ...(expires !== null && { 'celery.expires': expires }),
    ...(retries > 0 && { 'celery.retries': retries }),
  }
}
