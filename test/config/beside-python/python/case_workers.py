"""Workers of plain Celery: for each case one with its settings, in a process of its own.

Reads [{"name", "settings", "options"}] as JSON from standard input, and prints the name of each worker that is ready. AMQP_URL and
REDIS_URL say where.
"""
import json
import os
import signal
import sys
import time

import psycopg2  # noqa: F401
import redis
import sqlalchemy  # noqa: F401
from celery import Celery, signals
# All that a worker loads is loaded once, before the processes part.
from celery.apps import worker as _worker  # noqa: F401
from celery.backends import database, redis as _redis, rpc  # noqa: F401
from celery.concurrency import solo, thread  # noqa: F401
from celery.worker import autoscale, components, consumer, control, strategy  # noqa: F401
from kombu.transport import pyamqp  # noqa: F401


def declare(app):
    @app.task(name='probe.add')
    def add(x, y):
        return x + y

    @app.task(name='probe.fail')
    def fail(text):
        raise ValueError(text)

    @app.task(name='probe.wait', bind=True)
    def wait(self, *_):
        redis.from_url(os.environ['REDIS_URL']).set(f'began:{self.request.id}', 'yes', ex=600)
        time.sleep(600)

    @app.task(name='probe.die')
    def die():
        os.kill(os.getpid(), signal.SIGKILL)


def app_of(case):
    app = Celery(case['name'], broker=os.environ['AMQP_URL'])
    app.conf.update(case['settings'])
    declare(app)
    return app


def make_tables(cases):
    # Workers that make them at the same time fail, as the names of their sequences are the same.
    for case in cases:
        if case['settings'].get('result_backend', '').startswith('db+'):
            app_of(case).backend.ResultSession().close()


def work(case):
    app = app_of(case)
    # Not printed, as a worker redirects what is printed to its log.
    ready = f"{case['name']} is ready\n".encode()
    signals.worker_ready.connect(lambda **_: os.write(1, ready), weak=False)
    options = {'pool': 'solo', 'loglevel': 'ERROR', **case['options']}
    app.Worker(hostname=f"{case['name']}@python", without_mingle=True, without_gossip=True, **options).start()


def main():
    cases = json.load(sys.stdin)
    maker = part(make_tables, cases)
    os.waitpid(maker, 0)
    for case in cases:
        part(work, case)
    while True:
        os.wait()


def part(function, argument):
    child = os.fork()
    if child:
        return child
    function(argument)
    os._exit(0)


main()
