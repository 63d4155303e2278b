"""What Flower is started with: it changes the limits of tasks that its own app knows, and calls them."""
import os

from celery import Celery

app = Celery('flower_app', broker=os.environ['AMQP_URL'], backend=os.environ['RESULT_BACKEND'])
app.conf.task_routes = {'export.*': {'exchange': 'task_exchange', 'routing_key': 'export'}}
app.conf.task_queues = []


@app.task(name='export.add')
def add(x, y):
    raise NotImplementedError('it runs in a worker of Node.js')
