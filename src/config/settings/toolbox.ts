import {
  boolean,
  count,
  dictOf,
  either,
  filledText,
  nullable,
  oneOf,
  port,
  positiveInteger,
  seconds,
  text,
  textList,
} from '../resolve/value-types.ts'
import { setting } from '../setting.ts'

/** Uppercase: the toolbox's own settings, which are not Celery's. */
export const toolboxSettings = {
  QUEUES: setting(
    textList,
    ['msg', 'export'],
    "The work queues. The first dotted part of a task's name is its queue: export.pdf goes to export.",
  ),
  PLATFORM_QUEUE_NAME: setting(
    filledText,
    'platform.fifo',
    'The queue that gets a copy of every message, for the monitor.',
  ),
  TOPOLOGY: setting(
    oneOf('mirrored', 'celery'),
    'mirrored',
    "Which exchanges and queues are declared: 'mirrored', one topic exchange that copies every message to the platform queue; 'celery', those of a plain Celery.",
  ),
  MIRROR: setting(
    boolean,
    true,
    'Whether the platform queue gets a copy of each published message; set False where no monitor runs.',
  ),
  MESSAGE_LIMIT_BYTES: setting(
    positiveInteger,
    67_108_864,
    'Bytes that a compressed body may expand to; a larger message is dead-lettered unread.',
  ),
  MESSAGE_LIMIT_NODES: setting(
    positiveInteger,
    10_000_000,
    'Values (numbers, texts, lists, dicts) that a body may hold; a message with more is dead-lettered unread, and a call or a result with more is refused.',
  ),
  NATIVE_DELAYED_DELIVERY: setting(
    either(boolean, oneOf('auto')),
    'auto',
    "Whether RabbitMQ holds messages until their eta; 'auto' does so, like Celery, if any queue is a quorum queue.",
  ),
  ETA_VAULT: setting(
    either(boolean, filledText),
    false,
    'Whether calls with an eta wait in PostgreSQL (monitor.scheduled): True for that of result_backend, or the url of another.',
  ),
  CONTROL_DATABASE: setting(
    either(boolean, filledText),
    true,
    'The PostgreSQL that carries remote control if the broker cannot (SQS): True for that of result_backend, or the url of another.',
  ),
  CLAIM_CHECK: setting(
    either(boolean, filledText),
    false,
    'Whether bodies that are too large for SQS are stored in PostgreSQL (monitor.claim): True for that of result_backend, or the url of another.',
  ),
  QUEUE_PREFIX: setting(text, 'dev', 'The prefix of the names of queues on SQS; a - follows it.'),
  ENV_PREFIX: setting(
    filledText,
    'CELERY_',
    'The prefix of the names of environment variables; CELERY_ENV_PREFIX sets it too.',
  ),
  RESULT_DB_USER: setting(text, 'worker', 'The user at the database of results.'),
  RESULT_DB_PASS: setting(text, 'cadasta', 'The password at the database of results.'),
  RESULT_DB_HOST: setting(text, 'localhost', 'The host of the database of results.'),
  RESULT_DB_PORT: setting(either(port, text), 5432, 'The port of the database of results.'),
  RESULT_DB_NAME: setting(text, 'cadasta', 'The name of the database of results.'),
  CHORD_UNLOCK_MAX_RETRIES: setting(
    nullable(count),
    21_600,
    'How many times celery.chord_unlock checks, once a second, whether a chord is complete.',
  ),
  WORKER_POISON_DEATHS: setting(
    positiveInteger,
    3,
    'A message that has killed this many children of the pool (on SQS: workers) goes to dlq.<queue>, not back to its queue.',
  ),
  WORKER_REVOKES_MAX: setting(
    positiveInteger,
    50_000,
    'How many revoked tasks a worker remembers.',
  ),
  WORKER_REVOKE_EXPIRES: setting(
    seconds,
    10_800,
    'Seconds for which a worker remembers a revoked task after a restart, and when there are more than WORKER_REVOKES_MAX.',
  ),
  RECONCILE: setting(
    dictOf(oneOf('leave', 'mark', 'replay')),
    { '*': 'mark' },
    'What the monitor does about lost tasks, by name; * stands for any text, and the longest pattern that matches counts.',
  ),
  SETUP_FILE_LOGGING: setting(
    boolean,
    false,
    'Log to a coloured console, app.info.log and app.error.log.',
  ),
  SETUP_SENTRY_LOGGING: setting(
    boolean,
    false,
    'Report failed tasks and logged errors to Sentry; on when SENTRY_DSN is set.',
  ),
  SENTRY_DSN: setting(
    nullable(text),
    null,
    'The DSN of the Sentry project that gets the reports; its variable needs no prefix.',
  ),
  SENTRY_NAME: setting(nullable(text), null, 'The name of this server at Sentry.'),
  SENTRY_ENVIRONMENT: setting(nullable(text), null, 'The environment shown at Sentry.'),
  SENTRY_RELEASE: setting(nullable(text), null, 'The release shown at Sentry.'),
}
