"""Stock `celery`, many times in one process: each line of standard input is one command line, each line printed its end."""
import io
import json
import os
import sys
import threading

import toolbox_app
from celery.bin.celery import celery
from celery.events.dumper import evdump
from click.testing import CliRunner

dump = io.StringIO()


def run(args):
    if args == ['events', '--dump']:
        threading.Thread(target=lambda: evdump(app=toolbox_app.app, out=dump), daemon=True).start()
        return {'code': 0, 'output': ''}
    if args == ['dumped']:
        return {'code': 0, 'output': dump.getvalue()}
    result = CliRunner().invoke(celery, ['-A', 'toolbox_app', '--no-color', *args])
    return {'code': result.exit_code, 'output': result.output}


toolbox_app.setup()
print(json.dumps({'ready': True}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps({'id': asked['id'], **run(asked['args'])}), flush=True)
os._exit(0)
