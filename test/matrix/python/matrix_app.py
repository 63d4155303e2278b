"""The Python tasks of the interop matrix; test/matrix/node-tasks.ts has the same under export.*."""
import datetime
import json
import os
import time

from celery.exceptions import Ignore, Reject, SoftTimeLimitExceeded
from celery.result import result_from_tuple
from toolbox_app import app

app.conf.result_expires = 600
app.conf.result_extended = True
# Celery cannot wait for a chord in a database where the route of its body names no queue.
SUFFIX = os.environ.get('MATRIX_SUFFIX', '')
# On SQS each connection must know all queues, see examples/python/toolbox.py.
DECLARED = {'declare': app.conf.task_queues} if os.environ['AMQP_URL'].startswith('sqs:') else {}


def queue_of(name):
    first = name.split('.')[0]
    return first if first == 'celery' else first + SUFFIX


app.conf.task_routes = (lambda name, *rest, **options: {'queue': queue_of(name), **DECLARED},)


def tell(path, value):
    """For those who wait for the file: whole, or not there."""
    with open(path + '.part', 'w') as file:
        json.dump(value, file)
    os.rename(path + '.part', path)


def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.02)


@app.task(name='python.total')
def total(numbers):
    return sum(numbers)


@app.task(name='python.mark')
def mark(*args):
    """Tells its arguments in the file that the last of them names."""
    tell(args[-1], list(args[:-1]))


@app.task(name='python.mark_id', bind=True)
def mark_id(self, task_id, path):
    """An errback that is told no more than an id, as it is bound."""
    tell(path, [task_id])


@app.task(name='python.errback')
def errback(request, error, traceback, path):
    tell(path, [request.id, type(error).__name__, [str(arg) for arg in error.args]])


@app.task(name='python.fail_because')
def fail_because():
    try:
        raise KeyError('the cause')
    except KeyError as error:
        raise ValueError('the effect') from error


@app.task(name='python.progress', bind=True)
def progress(self, gate):
    self.update_state(state='PROGRESS', meta={'done': 3})
    wait_for(gate)
    return 'done'


@app.task(name='python.held')
def held(gate):
    wait_for(gate)
    return 'done'


@app.task(name='python.silent', ignore_result=True)
def silent(path):
    tell(path, 'ran')
    return 'nobody sees this'


# Not at once, see python.flaky.
@app.task(name='python.auto', bind=True, autoretry_for=(ConnectionError,), default_retry_delay=0.2, max_retries=3)
def auto(self, failures):
    if self.request.retries < failures:
        raise ConnectionError(f'attempt {self.request.retries}')
    return self.request.retries


@app.task(name='python.ignored')
def ignored(path):
    tell(path, 'ran')
    raise Ignore()


@app.task(name='python.rejected', acks_late=True)
def rejected(path=None):
    if path is not None and os.path.exists(path):
        return 'second time'
    if path is not None:
        tell(path, 'ran')
    raise Reject('no thanks', requeue=path is not None)


@app.task(name='python.now')
def now():
    return time.time()


@app.task(name='python.soft')
def soft():
    try:
        time.sleep(30)
    except SoftTimeLimitExceeded:
        return 'stopped softly'


@app.task(name='python.limited', rate_limit='2/s')
def limited():
    return time.time()


@app.task(name='python.family', bind=True)
def family(self):
    """Calls one task of each language and tells their ids."""
    return [app.send_task('export.add', [1, 1]).id, app.send_task('python.add', [1, 1]).id]


@app.task(name='python.replaced', bind=True)
def replaced(self, x):
    raise self.replace(app.signature('export.add', args=(x, 1)) | app.signature('python.add', args=(1,)))


@app.task(name='python.marks', bind=True)
def marks(self, before=None):
    """The stamp of this step after that of the step before."""
    return [*(before or []), (getattr(self.request, 'stamps', None) or {}).get('mark', getattr(self.request, 'mark', None))]


@app.task(name='python.priority', bind=True)
def priority(self, before=None):
    return [*(before or []), self.request.delivery_info['priority']]


@app.task(name='python.header', bind=True)
def header(self, name):
    return getattr(self.request, name, None) or (self.request.headers or {}).get(name)


@app.task(name='python.restored')
def restored(group_id):
    return [result.id for result in app.GroupResult.restore(group_id).results]


class OddError(Exception):
    """An exception with an argument that no serialiser takes."""


@app.task(name='python.fail_oddly')
def fail_oddly():
    raise OddError('odd', object())


@app.task(name='python.typed_as_text')
def typed_as_text():
    """python.typed without the bytes, which the JSON of Celery 5.2 cannot hold."""
    from toolbox_app import typed
    return {name: value for name, value in typed.run().items() if name != 'bytes'}


@app.task(name='python.tree')
def tree(told):
    """The value of a result, and of those before it."""
    result, values = result_from_tuple(told, app), []
    while result is not None:
        # The next step may end before the result of this one is stored.
        values.append(result.get(timeout=50, interval=0.05, disable_sync_subtasks=False))
        result = result.parent
    return values
