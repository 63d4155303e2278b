"""Random workflows in Python: the tasks, the same building of a shape as in build.ts, a worker, and a driver.

The driver reads one order a line, {"run", "runner", "shape", "timeout"}, starts that workflow, waits for its end, and
writes {"run", "end"}: {"value": …} or {"error": [class, text]} or {"unfinished": true}.
"""
import concurrent.futures
import json
import os
import sys
import threading

import redis
import toolbox_app
from celery import chain, chord, group
from celery.contrib.testing.worker import start_worker
from celery.exceptions import TimeoutError as NotInTime

app = toolbox_app.app
app.conf.update(
    broker_heartbeat=0,  # a busy machine is no lost connection: its messages would come twice
    result_chord_retry_interval=0.5,
    # Celery cannot wait for a chord in a database where the route of its body names no queue.
    task_routes=(lambda name, *rest, **options: {'queue': name.split('.')[0]},),
)
marks = redis.Redis.from_url(os.environ['REDIS_URL'])


def mark(call, *what):
    marks.rpush('random-workflows:' + call['run'], json.dumps(what))


def declare(does):
    def of(then):
        def run(self, *args):
            call = args[-1]
            stamp = (self.request.stamps or {}).get('mark')
            mark(call, 'ran', call['tag'], *([] if stamp is None else [stamp if isinstance(stamp, list) else [stamp]]))
            return then(self, call, args[:-1])
        return app.task(run, name='python.' + does, bind=True, max_retries=3)
    return of


def task_name(call, does, tag):
    runner = call['runner']
    digits = int(''.join(filter(str.isdigit, tag)))
    return (runner if runner != 'both' else 'python' if digits % 2 == 0 else 'export') + '.' + does


@declare('wrap')
def wrap(self, call, before):
    return [call['tag'], *before]


@declare('retry')
def retry(self, call, before):
    if self.request.retries == 0:
        raise self.retry(countdown=0)
    return [call['tag'], *before]


@declare('break')
def break_off(self, call, before):
    raise ValueError(call['tag'])


def part(call, name, before=()):
    return app.signature(task_name(call, 'wrap', call['tag']), args=(*before, {**call, 'tag': call['tag'] + name}))


@declare('to_task')
def to_task(self, call, before):
    return self.replace(part(call, 'a', before))


@declare('to_chain')
def to_chain(self, call, before):
    return self.replace(chain(part(call, 'a', before), part(call, 'b')))


@declare('to_group')
def to_group(self, call, before):
    return self.replace(group(part(call, 'a', before), part(call, 'b')))


@declare('to_chord')
def to_chord(self, call, before):
    return self.replace(chord([part(call, 'a', before), part(call, 'b')], part(call, 'c')))


@app.task(name='python.mark')
def linked(*args):
    mark(args[-1], 'linked', args[-1]['tag'], *args[:-1])


@app.task(name='python.error', bind=True)
def error(self, task_id, call):
    mark(call, 'error', call['tag'], task_id)


def build(shape, call):
    kind = shape['kind']
    if kind == 'task':
        whole = task(shape, call)
    else:
        parts = [build(one, call) for one in shape['parts']]
        if kind == 'chain':
            whole = chain(*parts)
        else:
            whole = group(parts) if kind == 'group' else chord(parts, build(shape['body'], call))
    if 'link' in shape:
        whole.link(callback('mark', shape['link'], call))
    if 'linkError' in shape:
        whole.link_error(callback('error', shape['linkError'], call))
    return whole


def task(shape, call):
    tag = shape['tag']
    signature = app.signature(task_name(call, shape['does'], tag), args=({**call, 'tag': tag},),
                              immutable=shape['isImmutable'], task_id=call['run'] + '-' + tag)
    if 'stamp' in shape:
        signature.stamp(mark=shape['stamp'])
    return signature


def callback(does, tag, call):
    return app.signature(task_name(call, does, tag), args=({**call, 'tag': tag},))


def end_of(order):
    call = {'run': order['run'], 'runner': order['runner']}
    try:
        result = build(order['shape'], call).apply_async()
        return {'value': result.get(timeout=order['timeout'], interval=1)}
    except NotInTime:
        return {'unfinished': True}
    except Exception as error:
        return {'error': [type(error).__name__, str(error)]}


writing = threading.Lock()


def drive(order):
    # Celery gives the timeout of a group's get() to none of the groups within it.
    ends = []
    waiting = threading.Thread(target=lambda: ends.append(end_of(order)), daemon=True)
    waiting.start()
    waiting.join(order['timeout'] + 10)
    answer = json.dumps({'run': order['run'], 'end': ends[0] if ends else {'unfinished': True}})
    with writing:
        print(answer, flush=True)


def main():
    toolbox_app.setup()
    app.set_current()
    app.set_default()
    queues = os.environ['WORKER_QUEUES'].split(',')
    with start_worker(app, pool='threads', concurrency=int(os.environ['CONCURRENCY']), perform_ping_check=False, queues=queues):
        with concurrent.futures.ThreadPoolExecutor(int(os.environ.get('AT_ONCE', '30'))) as threads:
            print('driver ready', flush=True)
            for line in sys.stdin:
                threads.submit(drive, json.loads(line))


if __name__ == '__main__':
    main()
