"""A Celery app as most are: no setting but its broker and where results go."""
import os

import run_ledger  # noqa: F401
from celery import Celery

app = Celery('plain', broker=os.environ['AMQP_URL'], backend=os.environ['CELERY_RESULT_BACKEND'])


@app.task(name='python.add')
def add(x, y):
    return x + y


@app.task(name='python.mark', ignore_result=True)
def mark(file, number):
    with open(file, 'a', encoding='utf-8') as marks:
        marks.write(f'{number}\n')
