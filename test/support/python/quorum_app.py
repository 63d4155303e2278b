"""toolbox_app with quorum queues, for which Celery 5.5+ has RabbitMQ hold delayed messages.

DELAY_QUEUE_TYPE: the type of the queues that hold them (default: quorum).
"""
import os
import time

from toolbox_app import app, setup  # noqa: F401

for queue in app.conf.task_queues:
    queue.queue_arguments = {'x-queue-type': 'quorum'}
# With quorum queues Celery 5.7 cannot delay a call whose route has an exchange and no exchange_type: a KeyError.
by_first_part = app.conf.task_routes[0]
app.conf.task_routes = (lambda *args, **kw: {**by_first_part(*args, **kw), 'exchange_type': 'topic'},)
app.conf.broker_native_delayed_delivery_queue_type = os.environ.get('DELAY_QUEUE_TYPE', 'quorum')


@app.task(name='python.now')
def now():
    return time.time()
