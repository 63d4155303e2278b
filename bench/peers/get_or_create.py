"""The mirror's ancestor: a kombu consumer with Django's get_or_create() for each message. get_or_create.py COUNT.

Prints how many messages per second it consumes, records and acknowledges.
https://docs.djangoproject.com/en/stable/ref/models/querysets/#get-or-create
"""
import json
import os
import sys
import time
from urllib.parse import urlsplit

import django
from django.conf import settings
from kombu import Connection, Consumer, Queue

database = urlsplit(os.environ['DATABASE_URL'])
settings.configure(
    DATABASES={
        'default': {
            'ENGINE': 'django.db.backends.postgresql',
            'NAME': database.path.lstrip('/'),
            'USER': database.username,
            'PASSWORD': database.password,
            'HOST': database.hostname,
            'PORT': database.port or 5432,
            'CONN_MAX_AGE': None,
        }
    },
    USE_TZ=True,
)
django.setup()

from django.db import models  # noqa: E402  (only after the settings)
from django.utils import timezone  # noqa: E402


class Task(models.Model):
    task_id = models.TextField(primary_key=True)
    name = models.TextField()
    args = models.JSONField()
    kwargs = models.JSONField()
    options = models.JSONField()
    root_id = models.TextField(null=True)
    parent_id = models.TextField(null=True)
    retries = models.IntegerField()
    published_at = models.DateTimeField()

    class Meta:
        app_label = 'bench'
        managed = False
        db_table = 'monitor"."task'


def record(message):
    headers = message.headers
    args, kwargs, _embed = json.loads(message.body)
    Task.objects.get_or_create(
        task_id=headers['id'],
        defaults={
            'name': headers['task'],
            'args': args,
            'kwargs': kwargs,
            'options': message.properties,
            'root_id': headers['root_id'],
            'parent_id': headers['parent_id'],
            'retries': headers['retries'],
            'published_at': timezone.now(),
        },
    )
    message.ack()


def consume(count):
    seen = 0

    def on_message(message):
        nonlocal seen
        record(message)
        seen += 1

    queue = Queue('platform.fifo', no_declare=True)
    with Connection(os.environ['AMQP_URL']) as connection:
        with Consumer(connection, [queue], on_message=on_message, prefetch_count=400):
            started = time.perf_counter()
            while seen < count:
                connection.drain_events(timeout=10)
            return count / (time.perf_counter() - started)


if __name__ == '__main__':
    print(consume(int(sys.argv[1])))
