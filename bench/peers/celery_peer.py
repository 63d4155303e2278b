"""Python Celery doing the same work: celery_peer.py publish|consume|results COUNT. Prints how many per second."""
import os
import subprocess
import sys
import time

from celery import Celery
from kombu import Exchange, Queue

BACKENDS = {'results': 'db+postgresql+psycopg2://' + os.environ['DATABASE_URL'].split('://', 1)[1]}

mode = os.environ.get('BENCH_MODE') or sys.argv[1]
exchange = Exchange('task_exchange', 'topic')
app = Celery('bench', broker=os.environ['AMQP_URL'], backend=BACKENDS.get(mode))
app.conf.update(
    task_default_exchange='task_exchange',
    task_default_exchange_type='topic',
    task_queues=[
        Queue('celery', exchange, routing_key='celery'),
        Queue('export', exchange, routing_key='export'),
        Queue('python', exchange, routing_key='python'),
        Queue('platform.fifo', exchange, routing_key='#'),
    ],
    task_routes=lambda name, *rest, **options: {'exchange': 'task_exchange', 'routing_key': name.split('.')[0]},
    task_ignore_result=mode != 'results',
    task_track_started=True,
    broker_transport_options={'confirm_publish': True},
)


@app.task(name='python.noop')
def noop():
    return None


def publish(count):
    with app.connection_for_write() as connection:
        for queue in app.conf.task_queues:
            queue(connection.default_channel).declare()
    noop.delay()
    started = time.perf_counter()
    for _ in range(count):
        noop.delay()
    return count / (time.perf_counter() - started)


def consume(count):
    """A prefork worker with one process for each of two cores; from its first task to its last, with all taken off the queue."""
    worker = subprocess.Popen(
        [sys.executable, '-m', 'celery', '-A', 'celery_peer', 'worker', '-P', 'prefork', '-c', '2', '-l', 'ERROR',
         '-Q', 'python', '--without-gossip', '--without-mingle'],
        cwd=os.path.dirname(__file__), env={**os.environ, 'BENCH_MODE': mode}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: done(count) > 0)
        started, first = time.perf_counter(), done(count)
        wait_until(lambda: done(count) >= count)
        return (count - first) / (time.perf_counter() - started)
    finally:
        worker.terminate()
        worker.wait()


def done(count):
    if mode == 'results':
        import psycopg2
        global database
        database = globals().get('database') or psycopg2.connect(os.environ['DATABASE_URL'])
        database.autocommit = True
        with database.cursor() as cursor:
            try:
                cursor.execute("select count(*) from celery_taskmeta where status = 'SUCCESS'")
            except psycopg2.errors.UndefinedTable:
                return 0
            return cursor.fetchone()[0]
    global channel
    channel = globals().get('channel') or app.connection_for_read().default_channel
    return count - channel.queue_declare('python', passive=True).message_count


def wait_until(condition):
    while not condition():
        time.sleep(0.02)


if __name__ == '__main__':
    work = publish if mode == 'publish' else consume
    print(work(int(sys.argv[2])))
