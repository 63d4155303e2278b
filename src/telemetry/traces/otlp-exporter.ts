import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base'

export interface OtlpPlace {
  /** Takes OTLP over HTTP in JSON, e.g. `https://collector:4318/v1/traces`. */
  readonly endpoint: string
  readonly timeoutMs: number
}

type Time = ReadableSpan['startTime']

/** Sends spans to a collector (https://opentelemetry.io/docs/specs/otlp/#otlphttp). Spans that it does not take are lost. */
export class OtlpExporter implements SpanExporter {
  readonly #place: OtlpPlace
  readonly #running = new Set<Promise<void>>()

  constructor(place: OtlpPlace) {
    this.#place = place
  }

  export(spans: ReadableSpan[], done: Parameters<SpanExporter['export']>[1]): void {
    const sending = this.#send(spans).then(
      () => done({ code: 0 }),
      (error: Error) => done({ code: 1, error }),
    )
    this.#running.add(sending)
    void sending.finally(() => this.#running.delete(sending))
  }

  async forceFlush(): Promise<void> {
    await Promise.all(this.#running)
  }

  async shutdown(): Promise<void> {
    await this.forceFlush()
  }

  async #send(spans: readonly ReadableSpan[]): Promise<void> {
    const { endpoint, timeoutMs } = this.#place
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(otlpOf(spans)),
      signal: AbortSignal.timeout(timeoutMs),
    })
    if (!response.ok) throw new Error(`${endpoint} answered ${response.status}`)
  }
}

/** All spans of a process have one resource. */
export function otlpOf(spans: readonly ReadableSpan[]): object {
  const [first] = spans
  return {
    resourceSpans: [
      {
        resource: { attributes: attributesOf(first?.resource.attributes ?? {}) },
        scopeSpans: [{ scope: { name: 'celery-toolbox' }, spans: spans.map(spanOf) }],
      },
    ],
  }
}

function spanOf(span: ReadableSpan): object {
  const { traceId, spanId, traceState } = span.spanContext()
  return {
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId ?? '',
    traceState: traceState?.serialize() ?? '',
    name: span.name,
    kind: span.kind + 1,
    startTimeUnixNano: nanoseconds(span.startTime),
    endTimeUnixNano: nanoseconds(span.endTime),
    attributes: attributesOf(span.attributes),
    events: span.events.map(({ name, time, attributes = {} }) => ({
      name,
      timeUnixNano: nanoseconds(time),
      attributes: attributesOf(attributes),
    })),
    status: span.status,
  }
}

function nanoseconds([seconds, nanos]: Time): string {
  return String(BigInt(seconds) * 1_000_000_000n + BigInt(nanos))
}

function attributesOf(attributes: Readonly<Record<string, unknown>>): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: otlpValue(value) }))
}

function otlpValue(value: unknown): object {
  if (Array.isArray(value)) return { arrayValue: { values: value.map(otlpValue) } }
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value !== 'number') return { stringValue: String(value) }
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}
