"""The same with a block of arroyopy: forward.py FROM TO."""
import asyncio
import os
import signal
import sys

import zmq
import zmq.asyncio
from arroyopy.block import Block
from arroyopy.operator import Operator
from arroyopy.publisher import Publisher
from arroyopy.zmq import ZMQListener


class Forward(Operator):
    async def process(self, message):
        await self.publish(message)


class Push(Publisher):
    def __init__(self, socket):
        self.socket = socket

    async def publish(self, message):
        await self.socket.send(message)


def end(*_):
    used = os.times()
    print((used.user + used.system) * 1000, flush=True)
    os._exit(0)


async def main():
    signal.signal(signal.SIGTERM, end)
    context = zmq.asyncio.Context()
    pull = context.socket(zmq.PULL)
    pull.bind(sys.argv[1])
    push = context.socket(zmq.PUSH)
    push.connect(sys.argv[2])
    operator = Forward()
    block = Block('forward', operator, [ZMQListener(operator, pull)], [Push(push)])
    print('ready', flush=True)
    await block.start()


asyncio.run(main())
