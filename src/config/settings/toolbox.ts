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
    "The work queues: each takes the tasks whose name's first dotted part is its name.",
  ),
  PLATFORM_QUEUE_NAME: setting(
    filledText,
    'platform.fifo',
    'The queue that gets a copy of everything, for the monitor.',
  ),
  TOPOLOGY: setting(
    oneOf('mirrored', 'celery'),
    'mirrored',
    "Which exchanges and queues are declared: 'mirrored', one topic exchange that copies everything to the platform queue; 'celery', those of a plain Celery.",
  ),
  MIRROR: setting(
    boolean,
    true,
    'Whether the platform queue gets a copy of what is published; False where no monitor runs.',
  ),
  MESSAGE_LIMIT_BYTES: setting(
    positiveInteger,
    67_108_864,
    'Bytes that a compressed body may expand to; a message with more is kept aside, unread.',
  ),
  MESSAGE_LIMIT_NODES: setting(
    positiveInteger,
    10_000_000,
    'Values (numbers, texts, lists, dicts) that a body may hold; a message with more is kept aside, unread.',
  ),
  NATIVE_DELAYED_DELIVERY: setting(
    either(boolean, oneOf('auto')),
    'auto',
    "Whether RabbitMQ holds messages until their eta; 'auto', as Celery, where any queue is a quorum queue.",
  ),
  ETA_VAULT: setting(
    either(boolean, filledText),
    false,
    'Whether calls with an eta wait in PostgreSQL (monitor.scheduled): True, in the one of result_backend, or the url of another.',
  ),
  CONTROL_DATABASE: setting(
    either(boolean, filledText),
    true,
    'Where the broker has no mailboxes (SQS), the PostgreSQL that remote control goes through: True, the one of result_backend; or the url of another.',
  ),
  CLAIM_CHECK: setting(
    either(boolean, filledText),
    false,
    'Whether bodies that are too large for SQS are kept in PostgreSQL (monitor.claim): True, in the one of result_backend, or the url of another.',
  ),
  QUEUE_PREFIX: setting(text, 'dev', 'Put, with a -, before the names of queues on SQS.'),
  ENV_PREFIX: setting(
    filledText,
    'CELERY_',
    'How the names of environment variables begin; CELERY_ENV_PREFIX sets it too.',
  ),
  RESULT_DB_USER: setting(text, 'worker', 'The user at the database of results.'),
  RESULT_DB_PASS: setting(text, 'cadasta', 'The password at the database of results.'),
  RESULT_DB_HOST: setting(text, 'localhost', 'The host of the database of results.'),
  RESULT_DB_PORT: setting(either(port, text), 5432, 'The port of the database of results.'),
  RESULT_DB_NAME: setting(text, 'cadasta', 'The name of the database of results.'),
  CHORD_UNLOCK_MAX_RETRIES: setting(
    nullable(count),
    21_600,
    'How often celery.chord_unlock looks, once a second, whether a chord is complete.',
  ),
  WORKER_POISON_DEATHS: setting(
    positiveInteger,
    3,
    'A message that goes back when its child dies, or on SQS its worker, is kept in dlq.<queue> once it has killed as many.',
  ),
  WORKER_REVOKES_MAX: setting(
    positiveInteger,
    50_000,
    'How many revoked tasks a worker remembers.',
  ),
  WORKER_REVOKE_EXPIRES: setting(
    seconds,
    10_800,
    'Seconds for which a worker remembers a revoked task, should there be more of them, or it be restarted.',
  ),
  RECONCILE: setting(
    dictOf(oneOf('leave', 'mark', 'replay')),
    { '*': 'mark' },
    'What the monitor does about lost tasks, by name with * for anything; the longest pattern counts.',
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
    'Where Sentry takes reports; its variable needs no prefix.',
  ),
  SENTRY_NAME: setting(nullable(text), null, 'The name of this server at Sentry.'),
  SENTRY_ENVIRONMENT: setting(nullable(text), null, 'The environment shown at Sentry.'),
  SENTRY_RELEASE: setting(nullable(text), null, 'The release shown at Sentry.'),
}
