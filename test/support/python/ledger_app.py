"""Tasks that write what they do into the file LEDGER, a JSON line each, which outlives any way a process may end."""
import json
import os
import time

from celery.exceptions import Ignore, Reject
from toolbox_app import app, setup  # noqa: F401


def note(task, what):
    line = {
        'id': task.request.id,
        'name': task.name,
        'what': what,
        'worker': task.request.hostname,
        'at': time.time() * 1000,
    }
    with open(os.environ['LEDGER'], 'a') as ledger:
        ledger.write(json.dumps(line) + '\n')


@app.task(name='python.pay', bind=True)
def pay(self, seconds):
    note(self, 'begin')
    time.sleep(seconds)
    note(self, 'end')
    return seconds


@app.task(name='python.pay_late', bind=True, acks_late=True)
def pay_late(self, seconds):
    note(self, 'begin')
    time.sleep(seconds)
    note(self, 'end')
    return seconds


@app.task(name='python.forget', bind=True, ignore_result=True)
def forget(self, seconds):
    note(self, 'begin')
    time.sleep(seconds)
    note(self, 'end')


@app.task(name='python.progress', bind=True)
def progress(self, gate):
    note(self, 'begin')
    self.update_state(state='PROGRESS', meta={'done': 3})
    while not os.path.exists(gate):
        time.sleep(0.05)
    note(self, 'end')
    return 7


@app.task(name='python.give_up', bind=True)
def give_up(self):
    note(self, 'begin')
    note(self, 'end')
    raise Ignore()


@app.task(name='python.reject', bind=True, acks_late=True)
def reject(self):
    note(self, 'begin')
    note(self, 'end')
    raise Reject('no such plot', requeue=False)


@app.task(name='python.requeue', bind=True, acks_late=True)
def requeue(self):
    """Goes back to its queue once."""
    note(self, 'begin')
    if not self.request.delivery_info.get('redelivered'):
        raise Reject('not yet', requeue=True)
    note(self, 'end')
    return 7
