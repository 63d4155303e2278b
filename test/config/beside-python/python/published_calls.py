"""A producer of plain Celery: for each case an app with its settings, which publishes one call.

Reads [{"task", "settings", "args", "kwargs", "options"}] as JSON from standard input; writes for each null, or the name of the exception that
the call raised. AMQP_URL says where.
"""
import json
import os
import sys
from functools import partial

from celery import Celery


def note(*args, **kwargs):
    pass


def publish(case):
    app = Celery('probe', set_as_current=False, broker=os.environ['AMQP_URL'])
    app.conf.update(result_backend='disabled://', **case['settings'])
    app.task(note, name='probe.note')
    try:
        task = app.tasks.get(case['task'])
        apply_async = task.apply_async if task else partial(app.send_task, case['task'])
        apply_async(tuple(case['args']), case['kwargs'], **case['options'])
    except Exception as error:
        return type(error).__name__
    finally:
        app.close()


print(json.dumps([publish(case) for case in json.load(sys.stdin)]))
