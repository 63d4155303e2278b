"""The tasks of bench/pools/app.js, in Python: celery -A pools_peer worker -P prefork."""
import os
import time

from celery import Celery
from kombu import Exchange, Queue

app = Celery('pools', broker=os.environ['AMQP_URL'], backend='rpc://')
app.conf.update(
    task_default_queue='pools',
    task_queues=[Queue('pools', Exchange('task_exchange', 'topic'), routing_key='pools')],
)


def count_steps(steps):
    total = 0
    for n in range(steps):
        total = (total * 31 + n) % 1_000_003
    return total


@app.task(name='pools.count')
def count(steps):
    return count_steps(steps)


@app.task(name='pools.stamp')
def stamp():
    return int(time.time() * 1000)


@app.task(name='pools.spin', time_limit=1)
def spin():
    with open(os.environ['STAMPS'], 'a') as file:
        file.write(f'{int(time.time() * 1000)}\n')
    while True:
        count_steps(1_000_000)
