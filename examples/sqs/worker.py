"""A Python worker on Amazon SQS, on the queues of app.ts beside it:

    celery -A worker worker -P solo -Q python,celery     # in this folder
    python worker.py                                     # calls a task of the Node worker

SQS_URL is `sqs://`, or `sqs://KEY:SECRET@HOST:PORT` of a server that stands for Amazon's. RESULT_BACKEND names PostgreSQL.
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'python'))

from toolbox import create_app, declare  # noqa: E402

SQS_URL = os.environ.get('SQS_URL', 'sqs://')
IS_OWN_SERVER = not SQS_URL.endswith(('//', '@'))

app = create_app(
    'example',
    queues=['python', 'export'],
    broker_url=SQS_URL,
    result_backend=os.environ.get('RESULT_BACKEND'),
    transport_options={'is_secure': False, 'wait_time_seconds': 1} if IS_OWN_SERVER else None,
    prefix=os.environ.get('CELERY_QUEUE_PREFIX', 'dev'),
)


@app.task(name='python.add')
def add(x, y):
    return x + y


@app.task(name='python.name')
def name(kind):
    return f'{kind}-1'


if __name__ == '__main__':
    declare(app)
    # Whose work it is: SQS lets no tenant wait for another's calls.
    print(app.send_task('export.thumbnail', ['tenant-9', 'e'], MessageGroupId='tenant-9').id)
