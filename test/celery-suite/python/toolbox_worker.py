"""A pytest plugin for Celery's integration suite: the suite's session worker is one of celery-toolbox.

SUITE_WORKER   the command of that worker as a JSON list; where it is missing Python's own worker runs
SUITE_REPORT   a file that gets one JSON line for each test that ended
SUITE_TIMEOUT  seconds that one test may take

What tests look up in the worker that usually lives in their own process comes from ours: `task_received` from the lines
that the worker writes, `successful_requests` from its events, an empty queue from a ping through it.
"""
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

import billiard.einfo
import celery
import celery.app.registry
import celery.contrib.testing.manager
import celery.contrib.testing.worker
import celery.worker.state
import pytest
from celery.signals import task_received
from celery.utils.nodenames import anon_nodename

# Celery 5.2's billiard makes code objects that Python 3.11 cannot trace: each failed task would end its worker.
if hasattr(billiard.einfo, '_Code') and not hasattr(billiard.einfo._Code, 'co_positions'):
    billiard.einfo._Code.co_positions = lambda self: itertools.repeat((None,) * 4)

# Celery 5.2 does not bind what it registers after it is set up: no worker of its own starts with the suite's class task.
if celery.VERSION < (5, 3):
    register = celery.app.registry.TaskRegistry.register

    def register_bound(self, task):
        register(self, task)
        self[task.name].app  # binds it

    celery.app.registry.TaskRegistry.register = register_bound

COMMAND = json.loads(os.environ.get('SUITE_WORKER', 'null'))
TIMEOUT = int(os.environ.get('SUITE_TIMEOUT', '120'))
OUTCOMES, REASONS = {}, {}


class Received(object):
    """A request as far as receivers of `task_received` look at it."""

    def __init__(self, seen):
        self.id = seen['id']
        self.task_name = self.name = seen['task']
        self.stamps = seen['stamps'] or {}
        self.stamped_headers = seen['stampedHeaders']
        self.replaced_task_nesting = seen['replacedTaskNesting']
        self.callbacks, self.errbacks = seen['callbacks'], seen['errbacks']
        self._Request__payload = [(), {}, {'callbacks': self.callbacks, 'errbacks': self.errbacks}]


class ToolboxWorker(object):
    def __init__(self, app):
        self.app = app
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            COMMAND + ['-Q', 'celery', '-c', '1', '-E', '-n', anon_nodename()],
            stdout=subprocess.PIPE, text=True, start_new_session=True)
        threading.Thread(target=self.read, args=(self.process,), daemon=True).start()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def restart(self):
        self.stop()
        self.start()

    def read(self, process):
        for line in process.stdout:
            if not line.startswith('{"received"'):
                sys.stderr.write(line)
                continue
            try:
                task_received.send(sender=self, request=Received(json.loads(line)['received']))
            except Exception as error:  # of a receiver, which is a test's
                sys.stderr.write(f'task_received: {error!r}\n')

    def listen(self):
        def succeeded(event):
            celery.worker.state.successful_requests.add(event['uuid'])

        with self.app.connection() as connection:
            receiver = self.app.events.Receiver(connection, handlers={'task-succeeded': succeeded})
            receiver.capture(limit=None, timeout=None, wakeup=False)


class RevokedStamps(dict):
    """Tests forget revoked stamps by emptying this dict: for a worker elsewhere, by starting it anew."""

    worker = None

    def clear(self):
        super(RevokedStamps, self).clear()
        self.worker.restart()


@contextmanager
def start_worker(app, *args, **kwargs):
    celery.contrib.testing.worker.setup_app_for_worker(app, 'error', None)
    worker = ToolboxWorker(app)
    threading.Thread(target=worker.listen, daemon=True).start()
    worker.start()
    celery.worker.state.revoked_stamps = RevokedStamps()
    RevokedStamps.worker = worker
    try:
        ping(60)
        yield worker
    finally:
        worker.stop()


def wait_until_idle(manager):
    """Python's asks for the tasks that run; the worker has one slot, so a ping comes back when it is free."""
    with manager.app.connection() as connection:
        while manager.app.control.purge(connection=connection):
            pass
    ping(TIMEOUT)


def ping(timeout):
    from celery.contrib.testing.tasks import ping
    from celery.result import allow_join_result
    with allow_join_result():
        assert ping.delay().get(timeout=timeout) == 'pong'


if COMMAND:
    celery.contrib.testing.worker.start_worker = start_worker
    celery.contrib.testing.manager.Manager.wait_until_idle = wait_until_idle


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.timeout(TIMEOUT), append=False)
        item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=1), append=False)


def pytest_runtest_logreport(report):
    if hasattr(report, 'context') or report.outcome == 'rerun':  # a part of a test, or a try of it
        return
    known = OUTCOMES.get(report.nodeid)
    if known is None or report.outcome != 'passed':
        OUTCOMES[report.nodeid] = report.outcome
        REASONS[report.nodeid] = '' if report.passed else str(report.longrepr)[-600:]
    if report.when == 'teardown':
        with open(os.environ['SUITE_REPORT'], 'a') as out:
            test = report.nodeid
            ended = {'test': test, 'outcome': OUTCOMES.pop(test), 'reason': REASONS.pop(test, '')}
            out.write(json.dumps(ended) + '\n')
