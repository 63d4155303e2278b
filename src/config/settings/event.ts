import { serializerName } from '../resolve/named-types.ts'
import {
  boolean,
  count,
  either,
  nullable,
  queueSeconds,
  SHORTEST_EXPIRY_SECONDS,
  text,
} from '../resolve/value-types.ts'
import { setting } from '../setting.ts'

export const eventSettings = {
  event_exchange: setting(text, 'celeryev', 'The exchange of events.'),
  event_queue_durable: setting(boolean, false, 'Declare the queues of event readers as durable.'),
  event_queue_exclusive: setting(
    boolean,
    false,
    "Python's readers only: declare their queues as exclusive; ours are where they are not durable.",
    { state: 'python' },
  ),
  event_queue_expires: setting(
    nullable(queueSeconds(SHORTEST_EXPIRY_SECONDS)),
    60,
    'Seconds after which the unused queue of an event reader is deleted.',
  ),
  event_queue_prefix: setting(text, 'celeryev', 'The prefix of the names of these queues.'),
  event_queue_ttl: setting(
    nullable(queueSeconds(0)),
    5,
    'Seconds for which an event waits to be read.',
  ),
  event_serializer: setting(serializerName, 'json', 'How events are written.'),
  events_logfile: setting(
    nullable(text),
    null,
    "Python's event camera only: its log file when detached.",
    {
      state: 'python',
    },
  ),
  events_pidfile: setting(
    nullable(text),
    null,
    "Python's event camera only: its pid file when detached.",
    {
      state: 'python',
    },
  ),
  events_uid: setting(
    nullable(either(count, text)),
    null,
    "Python's event camera only: the user it becomes when detached.",
    { state: 'python' },
  ),
  events_gid: setting(
    nullable(either(count, text)),
    null,
    "Python's event camera only: the group it becomes when detached.",
    { state: 'python' },
  ),
  events_umask: setting(
    nullable(either(count, text)),
    null,
    "Python's event camera only: its umask when detached.",
    { state: 'python' },
  ),
  events_executable: setting(
    nullable(text),
    null,
    "Python's event camera only: the program that runs it when detached.",
    { state: 'python' },
  ),
  control_exchange: setting(
    text,
    'celery',
    'The prefix of the names of the exchanges of remote control.',
  ),
  control_queue_durable: setting(
    boolean,
    false,
    'Declare the queues of remote control as durable.',
  ),
  control_queue_exclusive: setting(
    boolean,
    false,
    'Python only: declare the queues of remote control as exclusive; ours are where they are not durable.',
    { state: 'python' },
  ),
  control_queue_expires: setting(
    nullable(queueSeconds(SHORTEST_EXPIRY_SECONDS)),
    10,
    'Seconds after which an unused queue of remote control is deleted.',
  ),
  control_queue_ttl: setting(
    nullable(queueSeconds(0)),
    300,
    'Seconds for which a command of remote control waits to be read.',
  ),
}
