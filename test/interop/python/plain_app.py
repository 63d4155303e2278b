"""A Celery app as most are: no setting but its broker and where results go."""
import os
from importlib.util import find_spec

from celery import Celery

# Workers of tests have it on their path; where only this file is, the app is as plain as it says.
if find_spec('run_ledger') is not None:
    import run_ledger  # noqa: F401

app = Celery('plain', broker=os.environ['AMQP_URL'], backend=os.environ['CELERY_RESULT_BACKEND'])


@app.task(name='python.add')
def add(x, y):
    return x + y


@app.task(name='python.mark', ignore_result=True)
def mark(file, number):
    with open(file, 'a', encoding='utf-8') as marks:
        marks.write(f'{number}\n')
