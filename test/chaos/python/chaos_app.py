"""The Python tasks of the chaos test: each run leaves a row in the table runs."""
import os
import time

import psycopg2
from celery import current_task
from celery.signals import worker_process_init
from toolbox_app import app

app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True)
connection = None


@worker_process_init.connect
def connect(**_):
    global connection
    connection = psycopg2.connect(os.environ['DATABASE_URL'])
    connection.autocommit = True


def note(kind, number, part):
    row = (current_task.request.id, kind, number, part, os.getpid(), os.getppid())
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into runs (task_id, kind, number, part, process, worker) values (%s, %s, %s, %s, %s, %s)", row)


@app.task(name='python.step')
def step(value, number, part):
    note('step', number, part)
    time.sleep(0.04)
    return value + 1


@app.task(name='python.member')
def member(number, part):
    note('member', number, part)
    time.sleep(0.04)
    return part


@app.task(name='python.body')
def body(parts, number):
    note('body', number, 0)
    return sum(parts)
