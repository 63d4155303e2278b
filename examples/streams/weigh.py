"""A step of the recipe that files.ts starts, in Python: says how large each file is. It needs pika alone.

    python weigh.py
"""
import json
import os

import pika

connection = pika.BlockingConnection(pika.URLParameters(os.environ.get('AMQP_URL', 'amqp://localhost')))
channel = connection.channel()
channel.queue_declare('weigh', durable=True)
print('weigh: ready', flush=True)
for method, _, body in channel.consume('weigh'):
    message = json.loads(body)
    step = message['recipe'][str(message['recipe-pointer'])]
    path = message['payload']['file_path']
    print(f"{os.path.basename(path)}: {os.path.getsize(path)} {step['parameters']['unit']}", flush=True)
    channel.basic_ack(method.delivery_tag)
