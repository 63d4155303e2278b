"""A Python Celery app that shares its exchange and queues with celery-toolbox.

The same settings as `new Config({ queues: ['export'] })` on the Node side: one topic exchange, each work queue bound
with its own name, and platform.fifo bound with '#' so that the monitor gets a copy of every task.
"""
import hashlib
import re

from celery import Celery, current_task
from celery.signals import before_task_publish, worker_init
from kombu import Exchange, Queue

PLATFORM_QUEUE = 'platform.fifo'
SQS_ID = re.compile(r'[\w!"#$%&\'()*+,\-./:;<=>?@\[\\\]^`{|}~]{1,128}', re.ASCII)


def create_app(name, queues, broker_url, result_backend=None, transport_options=None, prefix='dev'):
    """An app whose tasks go where their names say: export.pdf to the queue export."""
    exchange = Exchange('task_exchange', type='topic')
    bindings = {'celery': 'celery', PLATFORM_QUEUE: '#', **{queue: queue for queue in queues}}
    task_queues = [Queue(queue, exchange, routing_key=key) for queue, key in bindings.items()]
    app = Celery(name, broker=broker_url, backend=result_backend)
    app.conf.update(
        task_default_exchange=exchange.name,
        task_default_exchange_type=exchange.type,
        task_queues=task_queues,
        task_routes=(by_first_part(task_queues),),
        task_track_started=True,
        broker_connection_retry_on_startup=True,
    )
    if broker_url.startswith('sqs:'):
        app.conf.broker_transport_options = {**sqs_options(prefix), **(transport_options or {})}
        before_task_publish.connect(name_group, weak=False)
    elif transport_options:
        app.conf.broker_transport_options = transport_options
    worker_init.connect(lambda **_: declare(app), weak=False)
    return app


def by_first_part(queues):
    """Each publish declares all queues on the connection that it uses: on SQS the exchange lives in the connection, and a
    message that was published on one which knows no queues is lost without an error."""
    known = {queue.routing_key: queue.name for queue in queues}

    def route(name, args, kwargs, options, task=None, **kw):
        key = name.split('.')[0]
        found = {'exchange': 'task_exchange', 'routing_key': key, 'declare': queues}
        if key in known:
            # The unlocking task of a chord asks for it.
            found['queue'] = known[key]
        return found

    return route


def sqs_options(prefix):
    """As the defaults of celery-toolbox. A worker of Python does not extend the visibility timeout of what it holds, so it
    must be longer than its longest task and countdown."""
    return {
        'region': 'us-west-2',
        'queue_name_prefix': f'{prefix}-',
        'wait_time_seconds': 20,
        'visibility_timeout': 3600,
    }


def name_group(headers=None, body=None, properties=None, **_):
    """The ids that celery-toolbox gives its own messages: a family keeps its order in the mirror, and what is sent twice
    arrives once. A retry keeps the fairness key of its call, also in the mirror: kombu sends the same ids to all queues."""
    if not isinstance(headers, dict) or 'id' not in headers:
        return
    group = headers.get('fairness_key') or headers.get('root_id') or headers['id']
    properties.setdefault('MessageGroupId', accepted(str(group)))
    identity = f"{headers['id']}-{headers.get('retries') or 0}-{kind(headers, body, properties)}"
    properties.setdefault('MessageDeduplicationId', accepted(identity))


def kind(headers, body, properties):
    """What replaces a task has its id, and would be dropped as its double."""
    nesting = headers.get('replaced_task_nesting')
    if nesting is None:
        # Celery 5.2 says it of the first step of a replacement alone, as a property, or not at all.
        request = getattr(current_task, 'request', None)
        nesting = nesting_of(request) + is_replacement(request, headers, body)
        if nesting > 0:
            properties['replaced_task_nesting'] = nesting
    return f'replacement{nesting}' if nesting > 0 else 'task'


def nesting_of(request):
    """How deep in replacements the task is that runs now, if any does."""
    properties = getattr(request, 'properties', None) or {}
    found = getattr(request, 'replaced_task_nesting', 0) or properties.get('replaced_task_nesting')
    return found or 0


def is_replacement(request, headers, body):
    """Whether the message, or a step behind it, takes the place of the task that runs now; its retry does not."""
    running = getattr(request, 'id', None)
    if running is None:
        return False
    if headers['id'] == running:
        return (headers.get('retries') or 0) == (request.retries or 0)
    embed = body[2] if isinstance(body, (list, tuple)) and len(body) > 2 else {}
    return holds([embed.get('chain'), embed.get('chord')], running)


def holds(signature, task_id):
    """Whether one of its tasks has that id."""
    if isinstance(signature, dict):
        return signature.get('task_id') == task_id or holds(list(signature.values()), task_id)
    return isinstance(signature, (list, tuple)) and any(holds(part, task_id) for part in signature)


def accepted(text):
    return text if SQS_ID.fullmatch(text) else hashlib.sha256(text.encode()).hexdigest()


def declare(app):
    """Declares every queue with its binding: a worker does it as it starts, a producer before its first publish."""
    with app.connection_for_write() as connection:
        for queue in app.amqp.queues.values():
            queue(connection.default_channel).declare()
