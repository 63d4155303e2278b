"""The Python side of the interop tests: `python -m celery -A toolbox_app worker`.

Environment: AMQP_URL (or sqs://…, with TRANSPORT_OPTIONS in JSON); CLAIM_CHECK, a database; DATABASE_URL or RESULT_BACKEND (neither: no results); QUEUES, comma separated (default: python).
"""
import datetime
import decimal
import json
import os
import pathlib
import sys
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / 'examples' / 'python'))

import run_ledger  # noqa: E402, F401
from toolbox import create_app, declare  # noqa: E402


def result_backend():
    given = os.environ.get('RESULT_BACKEND') or os.environ.get('DATABASE_URL')
    if not given:
        return None
    for scheme in ('db+postgresql://', 'postgresql://', 'postgres://'):
        if given.startswith(scheme):
            # Named, because SQLAlchemy's default driver is not the same in all its versions.
            return 'db+postgresql+psycopg2://' + given[len(scheme):]
    return given


app = create_app(
    'toolbox_app',
    queues=[queue for queue in os.environ.get('QUEUES', 'python').split(',') if queue],
    broker_url=os.environ['AMQP_URL'],
    result_backend=result_backend(),
    transport_options=json.loads(os.environ.get('TRANSPORT_OPTIONS') or 'null'),
)

if os.environ.get('CLAIM_CHECK'):
    import claim_check

    claim_check.install(app, os.environ['CLAIM_CHECK'], sealed='SEALED' in os.environ)


def setup():
    """For producers: declares everything, as a worker does when it starts."""
    declare(app)
    return app


class PlotError(Exception):
    """An exception that no other process can import."""


@app.task(name='python.noop')
def noop():
    return None


@app.task(name='python.add')
def add(x, y):
    return x + y


@app.task(name='python.fail')
def fail(*args):
    raise ValueError(*args)


@app.task(name='python.fail_custom')
def fail_custom(*args):
    raise PlotError(*args)


@app.task(name='python.echo')
def echo(*args, **kwargs):
    return {'args': list(args), 'kwargs': kwargs}


@app.task(name='python.sleep')
def sleep(seconds):
    time.sleep(seconds)
    return seconds


@app.task(name='python.typed')
def typed():
    """One of each type that kombu's JSON knows beyond plain JSON."""
    return {
        'big': 2**70,
        'bytes': b'\x00\xff',
        'date': datetime.date(2024, 2, 29),
        'datetime': datetime.datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=datetime.timezone.utc),
        'decimal': decimal.Decimal('1.10'),
        'time': datetime.time(12, 30, 15),
        'uuid': uuid.UUID('12345678-1234-5678-1234-567812345678'),
    }


@app.task(name='python.request', bind=True)
def request(self, *args, **kwargs):
    """What the worker made of the message."""
    return {
        'args': list(args),
        'correlation_id': self.request.correlation_id,
        'headers': self.request.headers,
        'id': self.request.id,
        'kwargs': kwargs,
        'parent_id': self.request.parent_id,
        'priority': (self.request.delivery_info or {}).get('priority'),
        'retries': self.request.retries,
        'root_id': self.request.root_id,
        'routing_key': (self.request.delivery_info or {}).get('routing_key'),
    }


@app.task(name='python.flaky', bind=True, max_retries=3)
def flaky(self, failures):
    """
    Fails that often, is retried, and then tells how often it was. Not at once: Celery publishes a retry before it stores it, so
    that in a database another process's next outcome can be mixed with this one's.
    """
    if self.request.retries < failures:
        raise self.retry(countdown=0.2, exc=ConnectionError(f'attempt {self.request.retries}'))
    return self.request.retries


@app.task(name='python.call_node')
def call_node(name, args, kwargs=None):
    """Starts a task that lives on the Node side, as a child of this one, and tells its id."""
    return app.send_task(name, args, kwargs or {}).id
