"""Publishes as many no-ops as each line of its input says, and answers each line once they are sent."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / 'test' / 'support' / 'python'))

from toolbox_app import app  # noqa: E402

for line in sys.stdin:
    for _ in range(int(line)):
        app.send_task('python.noop', ())
    print('sent', flush=True)
