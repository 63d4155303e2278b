"""Each task writes that it begins, and how it ends, into the file RUN_LEDGER, which the tests compare with the record."""
import json
import os
import time

from celery.signals import task_postrun, task_prerun


def keep_ledger(path):
    def note(task_id, task, what, **more):
        line = {'id': task_id, 'name': task.name, 'what': what, 'worker': task.request.hostname, 'at': time.time() * 1000}
        line.update(more)
        with open(path, 'a') as ledger:
            ledger.write(json.dumps(line) + '\n')

    def ended(task_id, task, state, retval, **_):
        # Values that are the same in any form in which a result is stored.
        is_plain = state == 'SUCCESS' and type(retval) in (int, bool) and abs(retval) < 2**53
        more = {'state': state} if state in ('SUCCESS', 'FAILURE') else {}
        note(task_id, task, 'end', **more, **({'result': retval} if is_plain else {}))

    task_prerun.connect(lambda task_id, task, **_: note(task_id, task, 'begin'), weak=False)
    task_postrun.connect(ended, weak=False)


if os.environ.get('RUN_LEDGER'):
    keep_ledger(os.environ['RUN_LEDGER'])
