"""toolbox_app of somebody who does not send times in UTC."""
import datetime
import time

import toolbox_app

app = toolbox_app.app
app.conf.update(enable_utc=False, timezone='Asia/Kolkata')


@app.task(name='python.now')
def now():
    return time.time()


@app.task(name='python.call_later')
def call_later(name, countdown, expires):
    """Calls a task of the Node side twice, for one moment: by the seconds until then, and by the time."""
    eta = app.now() + datetime.timedelta(seconds=countdown)
    first = app.send_task(name, countdown=countdown, expires=expires)
    return [first.id, app.send_task(name, eta=eta, expires=expires).id]
