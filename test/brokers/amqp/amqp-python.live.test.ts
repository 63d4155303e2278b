import { expect, onTestFinished, test } from 'vitest'
import { AmqpBroker } from '../../../src/brokers/amqp/amqp-broker.ts'
import type { Broker, Delivery } from '../../../src/brokers/broker.ts'
import { Float } from '../../../src/codecs/values.ts'
import { durableQueue } from '../../../src/protocol/routing/topology.ts'
import { runPython, runPythonJson } from '../../support/python-celery.ts'
import { freshVhost } from '../../support/rabbitmq.ts'
import { waitFor } from '../../support/wait-for.ts'

const work = { exchanges: [], queues: [durableQueue('work')], bindings: [] }

const CONNECT = `
import json, sys, amqp
from urllib.parse import urlsplit, unquote
url = urlsplit(sys.argv[1])
connection = amqp.Connection(f'{url.hostname}:{url.port or 5672}', url.username, url.password, virtual_host=unquote(url.path[1:]))
connection.connect()
channel = connection.channel()
`

const SEND = `${CONNECT}
from datetime import datetime
from decimal import Decimal
headers = {
    'small': 1, 'negative': -1, 'beyond31': 2**31, 'millis': 1790000000123, 'beyond53': 2**53 + 1,
    'largest': 2**63 - 1, 'lowest': -2**63, 'half': 1.5, 'text': 'é', 'yes': True, 'nothing': None,
    'list': [2**40, -2**40, None], 'table': {'inner': {'n': 2**60}}, 'price': Decimal('-12.30'),
    'when': datetime(2026, 11, 21, 10, 0, 0),
}
channel.basic_publish(amqp.Message('from python', application_headers=headers), routing_key='work')
channel.basic_publish(amqp.Message('after it'), routing_key='work')
connection.close()
`

const RECEIVE = `${CONNECT}
message = channel.basic_get('work')
typed = lambda value: [typed(v) for v in value] if isinstance(value, list) else \\
    {k: typed(v) for k, v in value.items()} if isinstance(value, dict) else \\
    f'{type(value).__name__} {value!r}'
print(json.dumps(typed(message.headers)))
channel.basic_ack(message.delivery_tag)
connection.close()
`

test.each(['new', 'old'] as const)(
  'integers of any size that py-amqp (%s Celery) puts into headers are read exactly, and cost no connection',
  async (python) => {
    const vhost = await freshVhost()
    const broker = opened(vhost.url)
    const losses: Error[] = []
    broker.on('lost', (cause) => losses.push(cause))
    await broker.declare(work)
    const received: Delivery[] = []
    await broker.consume('work', { prefetch: 10 }, (delivery) => received.push(delivery))
    await runPython(SEND, { python, args: [vhost.url] })
    await waitFor('both messages', () => received.length === 2)
    expect(received[0]?.message.headers).toMatchObject({
      small: 1,
      negative: -1,
      beyond31: 2 ** 31,
      millis: 1_790_000_000_123,
      beyond53: 2n ** 53n + 1n,
      largest: 2n ** 63n - 1n,
      lowest: -(2n ** 63n),
      half: 1.5,
      text: 'é',
      yes: true,
      nothing: null,
      list: [2 ** 40, -(2 ** 40), null],
      table: { inner: { n: 2n ** 60n } },
      price: { text: '-12.30' },
      when: new Date('2026-11-21T10:00:00Z'),
    })
    expect(losses).toEqual([])
  },
)

test.each(['new', 'old'] as const)(
  'py-amqp (%s Celery) reads the integers we put into headers as they were',
  async (python) => {
    const vhost = await freshVhost()
    const broker = opened(vhost.url)
    await broker.declare(work)
    const headers = {
      minus: -1,
      byte: 200,
      short: 300,
      negativeShort: -300,
      int: 70_000,
      millis: 1_790_000_000_123,
      big: 2n ** 62n,
      timelimit: [300, 200, null],
      table: { n: 32_767 },
      float: new Float(1),
      half: 0.5,
      yes: true,
      nothing: null,
      text: 'é',
    }
    const message = { headers, properties: {}, body: Buffer.from('x') }
    await broker.publish(message, { exchange: '', routingKey: 'work' })
    expect(await runPythonJson(RECEIVE, { python, args: [vhost.url] })).toEqual({
      minus: 'int -1',
      byte: 'int 200',
      short: 'int 300',
      negativeShort: 'int -300',
      int: 'int 70000',
      millis: 'int 1790000000123',
      big: `int ${2n ** 62n}`,
      timelimit: ['int 300', 'int 200', 'NoneType None'],
      table: { n: 'int 32767' },
      float: 'float 1.0',
      half: 'float 0.5',
      yes: 'bool True',
      nothing: 'NoneType None',
      text: "str 'é'",
    })
  },
)

function opened(url: string): Broker {
  const broker = new AmqpBroker({ url })
  onTestFinished(() => broker.close())
  return broker
}
