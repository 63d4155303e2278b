import {
  asList,
  boolean,
  count,
  dict,
  either,
  nullable,
  number,
  oneOf,
  port,
  seconds,
  text,
  unfit,
  type ValueType,
} from '../resolve/value-types.ts'
import { setting } from '../setting.ts'

/** One url, or several to fail over to: a list, or text with `;` between them, as Celery takes it. */
const urls: ValueType<string, string | Iterable<string>> = {
  name: 'a url',
  environmentText: 'raw',
  read: (value) => {
    if (typeof value === 'string') return value
    const items = asList(value)
    return items?.every((item) => typeof item === 'string') ? items.join(';') : unfit
  },
}

type ChooseNext = (urls: readonly string[]) => Iterable<string>

const failoverFunction: ValueType<ChooseNext> = {
  name: 'a function of the urls',
  environmentText: 'raw',
  // What it answers is seen when it is used.
  read: (value) => (typeof value === 'function' ? (value as ChooseNext) : unfit),
}

export const brokerSettings = {
  broker_url: setting(
    nullable(urls),
    null,
    'Where the broker is: amqp://, amqps://, sqs:// or memory://; it wins over broker_transport.',
  ),
  broker_read_url: setting(nullable(urls), null, 'A broker url for consumers only.'),
  broker_write_url: setting(nullable(urls), null, 'A broker url for producers only.'),
  broker_transport: setting(
    nullable(text),
    'sqs',
    'The kind of broker where no broker_url is given: amqp, amqps, sqs or memory.',
    { celeryDefault: null },
  ),
  broker_transport_options: setting(
    dict,
    {},
    'Options of the transport; the default is for SQS, with QUEUE_PREFIX before the names of queues.',
    { celeryDefault: {} },
  ),
  broker_connection_timeout: setting(
    nullable(seconds),
    4,
    'Seconds to wait for a connection to the broker.',
  ),
  broker_connection_retry: setting(boolean, true, 'Connect again when the connection is lost.'),
  broker_connection_retry_on_startup: setting(
    nullable(boolean),
    null,
    'Whether to try again when the first connection fails; None follows broker_connection_retry.',
  ),
  broker_connection_max_retries: setting(
    nullable(count),
    100,
    'How often to try again before giving up; 0 or None never gives up.',
  ),
  broker_channel_error_retry: setting(
    boolean,
    false,
    'Whether a channel error is treated as a lost connection.',
    { state: 'none' },
  ),
  broker_failover_strategy: setting(
    nullable(either(oneOf('round-robin', 'shuffle'), failoverFunction)),
    null,
    'How the next of several broker urls is chosen: round-robin, shuffle or a function; None is round-robin.',
  ),
  broker_heartbeat: setting(
    nullable(seconds),
    120,
    'Seconds between AMQP heartbeats; 0 or None turns them off.',
  ),
  broker_heartbeat_checkrate: setting(
    number,
    3,
    'How many times in each heartbeat period a worker checks whether the broker is alive.',
    { state: 'python' },
  ),
  broker_login_method: setting(nullable(text), null, 'The SASL mechanism for AMQP, e.g. PLAIN.'),
  broker_native_delayed_delivery_queue_type: setting(
    oneOf('quorum', 'classic'),
    'quorum',
    'The type of the queues that hold messages with an eta on RabbitMQ.',
  ),
  broker_pool_limit: setting(
    nullable(count),
    10,
    'The most connections kept open for publishing; 0 or None keeps none.',
    { state: 'python' },
  ),
  broker_pool_acquire_timeout: setting(
    nullable(seconds),
    null,
    'Seconds to wait for a free connection of the pool.',
    { since: '5.7', state: 'python' },
  ),
  broker_use_ssl: setting(
    either(boolean, nullable(dict)),
    false,
    'TLS for the broker: True, or a dict of TLS options.',
  ),
  broker_host: setting(nullable(text), null, 'The host of the broker, where no url is given.'),
  broker_port: setting(nullable(port), null, 'The port of the broker, where no url is given.'),
  broker_user: setting(nullable(text), null, 'The user at the broker, where no url is given.'),
  broker_password: setting(
    nullable(text),
    null,
    'The password at the broker, where no url is given.',
  ),
  broker_vhost: setting(nullable(text), null, 'The virtual host, where no url is given.'),
}
