"""Hears events as Celery's monitors do, and prints what its State makes of them once a worker has gone."""
import json
import os

from celery import Celery

app = Celery('listener', broker=os.environ['AMQP_URL'])
state = app.events.State()
heard = []


class Gone(Exception):
    pass


def on_event(event):
    state.event(event)
    heard.append(event['type'])
    if event['type'] == 'worker-offline':
        raise Gone


def shown(task):
    fields = ('name', 'state', 'args', 'kwargs', 'result', 'exception', 'retries', 'runtime', 'eta', 'root_id')
    return {field: getattr(task, field) for field in fields} | {
        'sent': bool(task.sent), 'received': bool(task.received), 'started': bool(task.started),
        'worker': task.worker.hostname if task.worker else None,
    }


with app.connection_for_read() as connection:
    receiver = app.events.Receiver(connection, handlers={'*': on_event})
    receiver.on_consume_ready = lambda *_args, **_kwargs: print('listening', flush=True)
    try:
        receiver.capture(timeout=30, wakeup=False)
    except Gone:
        pass

print(json.dumps({
    'heard': heard,
    'tasks': {uuid: shown(task) for uuid, task in state.tasks.items()},
    'workers': {name: {'sw_ident': worker.sw_ident, 'freq': worker.freq, 'processed': worker.processed,
                       'pid': worker.pid, 'alive': worker.alive} for name, worker in state.workers.items()},
}), flush=True)
