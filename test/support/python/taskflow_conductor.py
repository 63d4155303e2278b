"""A conductor of TaskFlow on a board in ZooKeeper: posts one job, and begins to work at SIGUSR1."""
import contextlib
import signal
import sys
import threading

from taskflow import engines, task
from taskflow.conductors import backends as conductors
from taskflow.jobs import backends as boards
from taskflow.patterns import linear_flow
from taskflow.persistence import backends as persistences
from taskflow.persistence import models
from oslo_utils import uuidutils


class Double(task.Task):
    def execute(self, n):
        print("theirs did", n * 2, flush=True)
        return n * 2


def make_flow():
    return linear_flow.Flow("theirs").add(Double("twice", provides="m"))


begin = threading.Event()
signal.signal(signal.SIGUSR1, lambda *_: begin.set())

persistence = persistences.fetch({"connection": "memory"})
board = boards.fetch(
    "board",
    {"board": "zookeeper", "hosts": sys.argv[1], "path": "/taskflow/jobs"},
    persistence=persistence,
)
board.connect()
with contextlib.closing(persistence.get_connection()) as connection:
    connection.upgrade()
    book = models.LogBook("theirs")
    detail = models.FlowDetail("theirs", uuidutils.generate_uuid())
    book.add(detail)
    connection.save_logbook(book)
engines.save_factory_details(detail, make_flow, [], {}, backend=persistence)
board.post("theirs", book=book, details={"flow_uuid": detail.uuid, "store": {"n": 20}})
conductor = conductors.fetch("blocking", "theirs", board, persistence=persistence, wait_timeout=0.2)
print("posted", flush=True)
while not begin.wait(0.1):
    pass
conductor.run()
