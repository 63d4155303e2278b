import { compressionName, contentTypes, serializerName } from '../resolve/named-types.ts'
import {
  amount,
  boolean,
  count,
  dict,
  integer,
  nullable,
  oneOf,
  seconds,
  text,
} from '../resolve/value-types.ts'
import { setting } from '../setting.ts'

/** The default of result_backend; `{0.NAME}` stands for a setting. */
export const DEFAULT_RESULT_BACKEND =
  'db+postgresql://{0.RESULT_DB_USER}:{0.RESULT_DB_PASS}@{0.RESULT_DB_HOST}:{0.RESULT_DB_PORT}/{0.RESULT_DB_NAME}'

export const resultSettings = {
  result_backend: setting(
    nullable(text),
    DEFAULT_RESULT_BACKEND,
    'Where results are kept; `{0.NAME}` in it stands for the setting NAME.',
    { celeryDefault: null },
  ),
  result_accept_content: setting(
    nullable(contentTypes),
    null,
    'The content types that results may have; None is accept_content for rpc://, and otherwise that of result_serializer.',
  ),
  result_backend_always_retry: setting(
    boolean,
    false,
    'Try to store a result for as long as the settings below say; otherwise for 30 s.',
  ),
  result_backend_base_sleep_between_retries_ms: setting(
    count,
    10,
    'The first wait between two tries, in milliseconds.',
  ),
  result_backend_max_retries: setting(
    amount,
    Number.POSITIVE_INFINITY,
    'How often the result backend is tried again.',
  ),
  result_backend_max_sleep_between_retries_ms: setting(
    count,
    10_000,
    'The longest wait between two tries, in milliseconds.',
  ),
  result_backend_thread_safe: setting(
    nullable(boolean),
    null,
    "Python only: share one backend among an app's threads.",
    { state: 'python' },
  ),
  result_backend_transport_options: setting(dict, {}, 'Options of the result backend.'),
  result_cache_max: setting(integer, -1, 'How many results a client keeps in memory; -1 is none.', {
    state: 'python',
  }),
  result_chord_expires: setting(
    nullable(seconds),
    null,
    'Seconds for which the counts of a chord are kept.',
    { since: '5.7' },
  ),
  result_chord_join_timeout: setting(
    nullable(seconds),
    3,
    'Seconds to wait for each result of a chord when they are joined.',
    { state: 'none' },
  ),
  result_chord_retry_interval: setting(
    seconds,
    1,
    'Seconds between two checks whether a chord is complete.',
  ),
  result_compression: setting(nullable(compressionName), null, 'How results are compressed.'),
  result_exchange: setting(text, 'celeryresults', 'The exchange of results sent as messages.', {
    state: 'python',
  }),
  result_exchange_type: setting(
    oneOf('direct', 'topic', 'fanout', 'headers'),
    'direct',
    'The type of that exchange.',
    { state: 'python' },
  ),
  result_expires: setting(
    nullable(seconds),
    86_400,
    'Seconds for which results are kept; None or 0 keeps them for ever.',
  ),
  result_failure_expires: setting(
    nullable(seconds),
    null,
    'As result_expires, for failures; None follows it.',
    { since: '5.7' },
  ),
  result_extended: setting(
    boolean,
    false,
    'Keep name, arguments, worker, retries and queue with each result.',
  ),
  result_persistent: setting(
    nullable(boolean),
    null,
    'Whether results sent as messages survive a restart of the broker.',
  ),
  result_serializer: setting(serializerName, 'json', 'How results are written.'),
}
