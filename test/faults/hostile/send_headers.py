# Sends one task with hostile headers: our own publisher would refuse many of them. Standard input is JSON: the url, the id of the
# task, the shape and the size of the headers, and whether the task is to run.
import json
import sys
import threading

from kombu import Connection

# A table in a table is written by a function in a function.
sys.setrecursionlimit(1_000_000)
threading.stack_size(512 * 1024 * 1024)

DEEP = {"table": lambda value: {"a": value}, "list": lambda value: [value]}


def nested(kind, levels):
    value = "x"
    for _ in range(levels):
        value = DEEP[kind](value)
    return value


SHAPES = {
    "text": lambda size: {"big": "a" * size},
    "keys": lambda size: {"k%d" % at: 1 for at in range(size // 13)},
    "long keys": lambda size: {"k" * 240 + str(at): 1 for at in range(size // 260)},
    "tables": lambda size: {"deep": nested("table", size // 8)},
    "lists": lambda size: {"deep": nested("list", size // 6)},
    "rows": lambda size: {"rows": [{"a": 1, "b": "text"}] * (size // 30)},
}

failures = []


def send(order):
    headers = {
        "lang": "py", "task": "hostile.take", "id": order["id"], "root_id": order["id"], "parent_id": None, "group": None,
        "retries": 0, "argsrepr": "()", "kwargsrepr": "{}", "eta": None, "expires": None, "timelimit": [None, None],
        "origin": "gen1@host", **SHAPES[order["shape"]](order["size"]),
    }
    body = b"[[], {}, {}]" if order["end"] == "runs" else b"no json"
    properties = {"delivery_mode": 2, "correlation_id": order["id"]}
    with Connection(order["url"]) as connection:
        channel = connection.channel()
        message = channel.prepare_message(
            body, headers=headers, content_type="application/json", content_encoding="utf-8", properties=properties,
        )
        channel.basic_publish_confirm(message, exchange="task_exchange", routing_key="hostile")


def attempt():
    try:
        send(json.load(sys.stdin))
    except BaseException as error:
        failures.append(error)


thread = threading.Thread(target=attempt)
thread.start()
thread.join()
if failures:
    sys.exit(repr(failures[0]))
