"""A Python worker beside Node workers.

    AMQP_URL=amqp://guest:guest@127.0.0.1:5672 celery -A app worker -Q python     # in this folder
    celery-toolbox call python.add --args '[2, 3]'                                # from Node
"""
import os

from toolbox import create_app, declare

app = create_app(
    'example',
    queues=['python', 'export'],
    broker_url=os.environ.get('AMQP_URL', 'amqp://guest:guest@127.0.0.1:5672'),
    result_backend=os.environ.get('RESULT_BACKEND'),
)


@app.task(name='python.add')
def add(x, y):
    return x + y


@app.task(name='python.announce')
def announce(slug):
    """Starts a task that lives in a Node worker, and returns its id."""
    return app.send_task('export.report', [slug]).id


if __name__ == '__main__':
    declare(app)
    print(app.send_task('export.report', ['parcels']).id)
