import { boolean, count, either, nullable, seconds, text } from '../resolve/value-types.ts'
import { setting } from '../setting.ts'

export const eventSettings = {
  event_exchange: setting(text, 'celeryev', 'The exchange of events.'),
  event_queue_durable: setting(boolean, false, 'Declare the queues of event readers as durable.'),
  event_queue_exclusive: setting(
    boolean,
    false,
    'Declare the queues of event readers as exclusive.',
    { state: 'python' },
  ),
  event_queue_expires: setting(
    nullable(seconds),
    60,
    'Seconds after which the unused queue of an event reader goes.',
  ),
  event_queue_prefix: setting(text, 'celeryev', 'How the names of such queues begin.'),
  event_queue_ttl: setting(nullable(seconds), 5, 'Seconds for which an event waits to be read.'),
  event_serializer: setting(text, 'json', 'How events are written.'),
  events_logfile: setting(nullable(text), null, 'The log file of a detached event camera.', {
    state: 'python',
  }),
  events_pidfile: setting(nullable(text), null, 'The pid file of a detached event camera.', {
    state: 'python',
  }),
  events_uid: setting(
    nullable(either(count, text)),
    null,
    'The user a detached event camera becomes.',
    { state: 'python' },
  ),
  events_gid: setting(
    nullable(either(count, text)),
    null,
    'The group a detached event camera becomes.',
    { state: 'python' },
  ),
  events_umask: setting(
    nullable(either(count, text)),
    null,
    'The umask of a detached event camera.',
    { state: 'python' },
  ),
  events_executable: setting(
    nullable(text),
    null,
    'The program that runs a detached event camera.',
    { state: 'python' },
  ),
  control_exchange: setting(
    text,
    'celery',
    'How the names of the exchanges of remote control begin.',
  ),
  control_queue_durable: setting(
    boolean,
    false,
    'Declare the queues of remote control as durable.',
  ),
  control_queue_exclusive: setting(
    boolean,
    false,
    'Declare the queues of remote control as exclusive.',
    { state: 'python' },
  ),
  control_queue_expires: setting(
    nullable(seconds),
    10,
    'Seconds after which an unused queue of remote control goes.',
  ),
  control_queue_ttl: setting(
    nullable(seconds),
    300,
    'Seconds for which a command of remote control waits to be read.',
  ),
}
