"""TaskFlow's conductor on a board in ZooKeeper: taskflow_board_peer.py HOSTS JOBS. Prints how many jobs per second."""
import contextlib
import logging
import sys
import threading
import time

from oslo_utils import uuidutils
from taskflow import engines, task
from taskflow.conductors import backends as conductors
from taskflow.jobs import backends as boards
from taskflow.patterns import linear_flow
from taskflow.persistence import backends as persistences
from taskflow.persistence import models

logging.disable(logging.CRITICAL)


class Step(task.Task):
    def execute(self):
        return 1


def flow():
    return linear_flow.Flow('bench').add(Step('step'))


def main():
    hosts, count = sys.argv[1], int(sys.argv[2])
    persistence = persistences.fetch({'connection': 'memory'})
    with contextlib.closing(persistence.get_connection()) as connection:
        connection.upgrade()
    conf = {'board': 'zookeeper', 'hosts': hosts, 'path': '/bench/jobs'}
    board = boards.fetch('bench', conf, persistence=persistence)
    board.connect()
    started = time.perf_counter()
    for number in range(count):
        book = models.LogBook('bench')
        detail = models.FlowDetail('bench', uuidutils.generate_uuid())
        book.add(detail)
        with contextlib.closing(persistence.get_connection()) as connection:
            connection.save_logbook(book)
        engines.save_factory_details(detail, flow, [], {}, backend=persistence)
        board.post('bench', book=book, details={'flow_uuid': detail.uuid})
    conductor = conductors.fetch(
        'nonblocking', 'bench', board, persistence=persistence, wait_timeout=0.1, max_simultaneous_jobs=20
    )
    thread = threading.Thread(target=conductor.run, daemon=True)
    thread.start()
    while board.job_count > 0:
        time.sleep(0.02)
    print(count / (time.perf_counter() - started), flush=True)
    conductor.stop()


main()
