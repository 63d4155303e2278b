"""Both ends of a throughput measurement: ends.py FROM TO.

Pushes frames to FROM and pulls them from TO, for each line "BYTES COUNT" on its standard input; answers each with the
frames a second. In C underneath, so that what carries the frames between is the slowest part.
"""
import sys
import threading
import time

import zmq

context = zmq.Context()
pull = context.socket(zmq.PULL)
pull.bind(sys.argv[2])
push = context.socket(zmq.PUSH)
push.connect(sys.argv[1])


def send(frame, count):
    for _ in range(count):
        push.send(frame)


def carry(frame, count):
    sending = threading.Thread(target=send, args=(frame, count))
    sending.start()
    for _ in range(count):
        pull.recv(copy=False)
    sending.join()


for line in sys.stdin:
    size, count = (int(number) for number in line.split())
    started_at = time.monotonic()
    carry(bytes(size), count)
    print(count / (time.monotonic() - started_at), flush=True)
