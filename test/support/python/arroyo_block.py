"""A block of arroyopy that sends each message on as it is: arroyo_block.py zmq FROM TO | redis URL FROM TO."""
import asyncio
import sys

import zmq
import zmq.asyncio
from arroyopy.block import Block
from arroyopy.operator import Operator
from arroyopy.publisher import Publisher
from arroyopy.redis import RedisListener, RedisPublisher
from arroyopy.zmq import ZMQListener
from redis.asyncio import Redis


class Forward(Operator):
    async def process(self, message):
        await self.publish(message)


class Push(Publisher):
    def __init__(self, socket):
        self.socket = socket

    async def publish(self, message):
        await self.socket.send(message)


def over_zmq(operator, source, target):
    context = zmq.asyncio.Context()
    pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    pull.bind(source)
    push.connect(target)
    return ZMQListener(operator, pull), Push(push)


def over_redis(operator, url, source, target):
    listener = RedisListener(Redis.from_url(url), source, operator)
    return listener, RedisPublisher(Redis.from_url(url), target)


async def main():
    operator = Forward()
    kind, *addresses = sys.argv[1:]
    listener, publisher = (over_zmq if kind == 'zmq' else over_redis)(operator, *addresses)
    block = Block('forward', operator, [listener], [publisher])
    running = asyncio.create_task(block.start())
    await asyncio.sleep(0.3)  # it says nowhere when it has subscribed
    print('ready', flush=True)
    await running


asyncio.run(main())
