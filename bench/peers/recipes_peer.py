"""Three steps of a recipe by python-workflows: each acknowledges and sends on in one transaction. Prints messages a second."""

import os
import queue
import sys
import time
import traceback
from urllib.parse import urlparse, unquote

import workflows.recipe
from workflows.transport.pika_transport import PikaTransport

url, count = urlparse(sys.argv[1]), int(sys.argv[2])
for option, value in (
    ("--rabbit-host", url.hostname),
    ("--rabbit-port", str(url.port or 5672)),
    ("--rabbit-user", unquote(url.username or "guest")),
    ("--rabbit-pass", unquote(url.password or "guest")),
    ("--rabbit-vhost", unquote(url.path[1:])),
):
    PikaTransport.config[option] = value

transport = PikaTransport()
transport.connect()
# As its services do: callbacks run in the main loop, not in the transport's thread.
waiting = queue.Queue()
transport.subscription_callback_set_intercept(
    lambda callback: lambda header, message: waiting.put((callback, header, message))
)
done = 0


def step(rw, header, message):
    global done
    if not rw.recipe_step.get("output"):
        transport.ack(header)
        done += 1
        return
    txn = transport.transaction_begin(subscription_id=header["subscription"])
    transport.ack(header, transaction=txn)
    rw.send(message, transaction=txn)
    transport.transaction_commit(txn)


try:
    started = time.monotonic()
    for name in ("bench.one", "bench.two", "bench.three", "bench.end"):
        workflows.recipe.wrap_subscribe(
            transport, name, step, acknowledgement=True, prefetch_count=20
        )
    while done < count:
        callback, header, message = waiting.get(timeout=60)
        callback(header, message)
    print(count / (time.monotonic() - started), flush=True)
    os._exit(0)
except BaseException:
    # Its transport's thread would keep the process alive.
    traceback.print_exc()
    os._exit(1)
