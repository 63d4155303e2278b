"""Both ends of a block, in Python: stream_ends.py LINK URL FROM TO. Sends a run of frames to FROM, and prints each message
that comes out of TO as JSON, arrays as lists."""
import json
import sys
import time

import msgpack
import numpy

LINK, URL, FROM, TO = sys.argv[1:5]
DEADLINE = time.monotonic() + 20


def image(array):
    return {'array': {'data': array.tobytes(), 'dtype': array.dtype.str.lstrip('<|'), 'shape': list(array.shape)}}


RUN = [
    {'msg_type': 'start', 'run_name': 'r-1', 'width': 3, 'height': 2},
    {'msg_type': 'event', 'frame_number': 0, 'image': image(numpy.arange(6, dtype='<u2').reshape(2, 3))},
    {'msg_type': 'event', 'frame_number': 1, 'image': image(numpy.arange(6, dtype='>u2').reshape(2, 3))},
    {'msg_type': 'event', 'frame_number': 2, 'image': image(numpy.linspace(0, 1, 5, dtype='<f8'))},
    {'msg_type': 'stop', 'num_frames': 3},
]


def show(data):
    message = msgpack.unpackb(data)
    array = message.get('image', {}).get('array')
    if array is not None:
        values = numpy.frombuffer(array['data'], dtype=numpy.dtype(array['dtype'])).reshape(array['shape'])
        message['image'] = values.tolist()
    print(json.dumps(message), flush=True)


def over_zmq(context, kind):
    import zmq

    into = context.socket({'push': zmq.PUSH, 'pub': zmq.XPUB, 'pair': zmq.PAIR}[kind])
    out = context.socket({'push': zmq.PULL, 'pub': zmq.SUB, 'pair': zmq.PAIR}[kind])
    if kind == 'pub':
        out.subscribe(b'')
    out.RCVTIMEO = 20_000
    out.bind(TO)
    into.bind(FROM)
    if kind == 'pub':
        into.recv()  # its subscription
        probe = msgpack.packb({'msg_type': 'probe'})
        while not out.poll(100):  # until the block has heard of ours, too
            into.send(probe)
        while out.poll(300):
            out.recv()
    return into.send, out.recv


def over_redis(kind):
    import redis

    client = redis.Redis.from_url(URL)
    if kind == 'channel':
        heard = client.pubsub()
        heard.subscribe(TO)
        heard.get_message(timeout=5)

        def receive():
            while True:
                message = heard.get_message(ignore_subscribe_messages=True, timeout=1)
                if message:
                    return message['data']
                assert time.monotonic() < DEADLINE

        return lambda data: client.publish(FROM, data), receive
    last = ['0']

    def receive_entry():
        (_, entries), = client.xread({TO: last[0]}, count=1, block=20_000)
        last[0], fields = entries[0]
        return fields[b'data']

    return lambda data: client.xadd(FROM, {'data': data}), receive_entry


def over_amqp():
    import pika

    channel = pika.BlockingConnection(pika.URLParameters(URL)).channel()
    for queue in (FROM, TO):
        channel.queue_declare(queue, durable=True)
    results = channel.consume(TO, inactivity_timeout=20)

    def receive():
        method, _, body = next(results)
        channel.basic_ack(method.delivery_tag)
        return body

    return lambda data: channel.basic_publish('', FROM, data), receive


if LINK.startswith('zmq-'):
    import zmq

    ends = over_zmq(zmq.Context(), LINK[4:])
elif LINK.startswith('redis-'):
    ends = over_redis(LINK[6:])
else:
    ends = over_amqp()
send, receive = ends
for message in RUN:
    send(msgpack.packb(message))
for _ in RUN:
    show(receive())
