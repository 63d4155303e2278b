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
    'Values that the monitor must not store: names of arguments and of keys inside them, with `*` for any text; `task.name:0` is an argument by its position.',
  ),
  REDACT_UNREADABLE: setting(
    oneOf('drop', 'keep'),
    'drop',
    'With REDACT: whether the quarantine keeps the bodies of messages that cannot be read.',
  ),
  PAYLOAD_LIMIT_BYTES: setting(
    positiveInteger,
    65_536,
    'The largest body, in bytes, whose arguments are stored whole in monitor.task; others are cut short.',
  ),
  KEEP_LARGE_BODIES: setting(
    boolean,
    true,
    'Whether monitor.message keeps bodies over that size. If not, their tasks cannot be replayed.',
  ),
  RETENTION: setting(
    retentionSpans,
    {},
    "How long the monitor keeps each kind of row, for example {'tasks': '30d', 'failures': '90d', 'messages': '7d', 'events': '7d', 'quarantine': '90d'}. A kind without an entry is kept for ever.",
  ),
  RABBITMQ_API_URL: setting(
    nullable(filledText),
    null,
    "RabbitMQ's management API, http://user:password@host:15672, which shows the monitor which workers are connected; its variable needs no prefix.",
  ),
  WARM_STOP_DEADLINE: setting(
    nullable(seconds),
    null,
    'Seconds after which a worker that announced its stop has certainly ended, such as terminationGracePeriodSeconds. None: not known.',
  ),
  PRUNE_EVERY: setting(
    seconds,
    3_600,
    'Seconds between two deletions of rows that are older than RETENTION allows, and of expired bodies of CLAIM_CHECK; 0 is never.',
  ),
}
