"""The Python tasks of the harness; what they do is in the ledger of toolbox_app (RUN_LEDGER)."""
import time

from toolbox_app import app

# Without heartbeats of seconds it takes minutes to see that its connection is half open.
app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True, broker_heartbeat=6)


@app.task(name='python.step')
def step(ms):
    time.sleep(ms / 1000)
    return ms
