"""Python Celery doing the same workflows: canvas_peer.py chain|group|chord COUNT SIZE. Prints how many tasks per second."""
import os
import subprocess
import sys
import time

os.environ['BENCH_MODE'] = 'results'

from celery import chain, chord, group  # noqa: E402
from celery_peer import app, noop  # noqa: E402


@app.task(name='python.total')
def total(values):
    return len(values)


def run_chain(size):
    wait(chain([noop.si()] * size).apply_async())


def run_group(size):
    members = group([noop.si()] * size).apply_async()
    ids = [member.id for member in members.results]
    while succeeded(ids) < size:
        time.sleep(0.01)


def run_chord(size):
    # The body names its queue, which chords in a database need.
    wait(chord([noop.si()] * size, total.s().set(queue='python')).apply_async())


def wait(result):
    result.get(timeout=120, interval=0.005)


def succeeded(ids):
    import psycopg2
    global database
    database = globals().get('database') or psycopg2.connect(os.environ['DATABASE_URL'])
    database.autocommit = True
    with database.cursor() as cursor:
        cursor.execute("select count(*) from celery_taskmeta where status = 'SUCCESS' and task_id = any(%s)", (ids,))
        return cursor.fetchone()[0]


def main(kind, count, size):
    """A prefork worker with one process for each of two cores, warm before it counts."""
    worker = subprocess.Popen(
        [sys.executable, '-m', 'celery', '-A', 'canvas_peer', 'worker', '-P', 'prefork', '-c', '2', '-l', 'ERROR',
         '-Q', 'python,celery', '--without-gossip', '--without-mingle'],
        cwd=os.path.dirname(__file__), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        wait(noop.delay())
        work = {'chain': run_chain, 'group': run_group, 'chord': run_chord}[kind]
        started = time.perf_counter()
        for _ in range(count):
            work(size)
        return count * size / (time.perf_counter() - started)
    finally:
        worker.terminate()
        worker.wait()


if __name__ == '__main__':
    print(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
