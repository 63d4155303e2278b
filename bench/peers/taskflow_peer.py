"""TaskFlow running the same flows: taskflow_peer.py ATOMS RUNS memory|stored. Prints how many atoms per second."""
import contextlib
import logging
import os
import sys
import time

from taskflow import engines, task
from taskflow.patterns import linear_flow
from taskflow.persistence import backends
from taskflow.utils import persistence_utils

logging.disable(logging.CRITICAL)


class Step(task.Task):
    def execute(self):
        return 1


def flow(atoms):
    made = linear_flow.Flow('bench')
    made.add(*[Step('step-%d' % n) for n in range(atoms)])
    return made


def run(atoms, backend):
    if backend is None:
        engines.run(flow(atoms))
        return
    _, detail = persistence_utils.temporary_flow_detail(backend)
    engine = engines.load(flow(atoms), backend=backend, flow_detail=detail)
    engine.run()


def main():
    atoms, runs, where = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    backend = None
    if where == 'stored':
        url = os.environ['DATABASE_URL'].replace('postgres://', 'postgresql+psycopg2://', 1)
        backend = backends.fetch({'connection': url})
        with contextlib.closing(backend.get_connection()) as connection:
            connection.upgrade()
    started = time.perf_counter()
    for _ in range(runs):
        run(atoms, backend)
    print(atoms * runs / (time.perf_counter() - started))


main()
