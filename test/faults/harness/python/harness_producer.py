"""Calls tasks until it is ended, and writes down each call that the broker has confirmed."""
import itertools
import json
import os
import time

from harness_app import app

TASKS = os.environ['TASKS'].split(',')

with open(os.environ['RUN_LEDGER'], 'a', buffering=1) as ledger:
    for number in itertools.count():
        name = TASKS[number % len(TASKS)]
        try:
            call = app.send_task(name, [4000 if number % 40 == 9 else 20], retry=False)
            line = {'id': call.id, 'name': name, 'what': 'accepted', 'worker': 'Python producer', 'at': time.time() * 1000}
            ledger.write(json.dumps(line) + '\n')
        except Exception as error:
            print('not accepted:', repr(error)[:200], flush=True)
        time.sleep(0.1)
