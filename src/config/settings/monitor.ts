import {
  boolean,
  filledText,
  nullable,
  oneOf,
  positiveInteger,
  seconds,
  textList,
} from '../resolve/value-types.ts'
import { retentionSpans } from '../retention.ts'
import { setting } from '../setting.ts'

/** Uppercase: what the monitor stores, and for how long. */
export const monitorSettings = {
  REDACT: setting(
    textList,
    [],
    'What the monitor must not store: names of arguments and of keys inside them, with `*`; `task.name:0` is an argument by its position.',
  ),
  REDACT_UNREADABLE: setting(
    oneOf('drop', 'keep'),
    'drop',
    'Where REDACT is set: whether the bodies of messages that cannot be read are kept in the quarantine.',
  ),
  PAYLOAD_LIMIT_BYTES: setting(
    positiveInteger,
    65_536,
    'Bodies over this size have their arguments cut short in monitor.task.',
  ),
  KEEP_LARGE_BODIES: setting(
    boolean,
    true,
    'Whether monitor.message keeps bodies over that size. Such a task cannot be replayed without.',
  ),
  RETENTION: setting(
    retentionSpans,
    {},
    "For how long the monitor keeps what; nothing goes that is not named: {'tasks': '30d', 'failures': '90d', 'messages': '7d', 'events': '7d', 'quarantine': '90d'}.",
  ),
  RABBITMQ_API_URL: setting(
    nullable(filledText),
    null,
    "RabbitMQ's management API, http://user:password@host:15672, which shows the monitor whose connections are open; its variable needs no prefix.",
  ),
  WARM_STOP_DEADLINE: setting(
    nullable(seconds),
    null,
    'Seconds after which a worker that announced its stop has ended for certain, as after terminationGracePeriodSeconds. None: not known.',
  ),
  PRUNE_EVERY: setting(
    seconds,
    3_600,
    'Seconds between two looks of the monitor for what RETENTION lets go, and for expired bodies of CLAIM_CHECK; 0 is never.',
  ),
}
