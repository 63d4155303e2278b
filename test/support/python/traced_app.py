"""toolbox_app, traced by OpenTelemetry's instrumentation: each span that ends is printed as a line, `SPAN {...}`."""
import json

from opentelemetry import trace
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from toolbox_app import app


def line(span):
    shown = {
        'name': span.name,
        'kind': span.kind.name,
        'traceId': format(span.context.trace_id, '032x'),
        'spanId': format(span.context.span_id, '016x'),
        'parentId': format(span.parent.span_id, '016x') if span.parent else None,
    }
    return f'SPAN {json.dumps(shown)}\n'


provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=line)))
trace.set_tracer_provider(provider)
CeleryInstrumentor().instrument()


@app.task(name='export.double')
def double(x):
    """Runs elsewhere; the instrumentation ends only spans of tasks that are known here."""
    raise NotImplementedError


@app.task(name='python.pass_on')
def pass_on(x):
    double.apply_async((x,))
