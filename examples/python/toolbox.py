"""A Python Celery app that shares its exchange and queues with celery-toolbox.

The same settings as `new Config({ queues: ['export'] })` on the Node side: one topic exchange, each work queue bound
with its own name, and platform.fifo bound with '#' so that the monitor gets a copy of every task.
"""
from celery import Celery
from celery.signals import worker_init
from kombu import Exchange, Queue

PLATFORM_QUEUE = 'platform.fifo'


def create_app(name, queues, broker_url, result_backend=None):
    """An app whose tasks go where their names say: export.pdf to the queue export."""
    exchange = Exchange('task_exchange', type='topic')
    bindings = {'celery': 'celery', PLATFORM_QUEUE: '#', **{queue: queue for queue in queues}}
    app = Celery(name, broker=broker_url, backend=result_backend)
    app.conf.update(
        task_default_exchange=exchange.name,
        task_default_exchange_type=exchange.type,
        task_queues=[Queue(queue, exchange, routing_key=key) for queue, key in bindings.items()],
        task_routes=(by_first_part,),
        task_track_started=True,
        broker_connection_retry_on_startup=True,
    )
    worker_init.connect(lambda **_: declare(app), weak=False)
    return app


def by_first_part(name, args, kwargs, options, task=None, **kw):
    return {'exchange': 'task_exchange', 'routing_key': name.split('.')[0]}


def declare(app):
    """Declares every queue with its binding: a worker does it as it starts, a producer before its first publish."""
    with app.connection_for_write() as connection:
        for queue in app.amqp.queues.values():
            queue(connection.default_channel).declare()
