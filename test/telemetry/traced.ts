import { context, propagation, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { waitFor } from '../support/wait-for.ts'

const exporter = new InMemorySpanExporter()

/** Registers an SDK, as a program that wants to be traced does; answers what takes it back, for `beforeAll`. */
export function startTracing(): () => void {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  const spanProcessors = [new SimpleSpanProcessor(exporter)]
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }))
  return () => {
    for (const api of [context, propagation, trace]) api.disable()
  }
}

/** The span of that name in a trace, or in any, once it has ended. */
export async function spanOf(name: string, traceId?: string): Promise<ReadableSpan> {
  return await waitFor(`the span ${name}`, () =>
    exporter
      .getFinishedSpans()
      .find(
        (span) =>
          span.name === name && (traceId === undefined || span.spanContext().traceId === traceId),
      ),
  )
}

export function forgetSpans(): void {
  exporter.reset()
}
