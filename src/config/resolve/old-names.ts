import { celerySettings } from '../settings.ts'

/** Celery's old uppercase names that do not follow from the new one by a prefix. */
const IRREGULAR: Readonly<Record<string, string>> = {
  CELERY_MAX_CACHED_RESULTS: 'result_cache_max',
  CELERY_MESSAGE_COMPRESSION: 'task_compression',
  CELERY_EAGER_PROPAGATES_EXCEPTIONS: 'task_eager_propagates',
  CELERY_SEND_EVENTS: 'worker_send_task_events',
  CELERYD_SEND_EVENTS: 'worker_send_task_events',
  CELERY_TASK_RESULT_EXPIRES: 'result_expires',
  CELERY_RESULT_DBURI: 'database_url',
  CELERY_RESULT_ENGINE_OPTIONS: 'database_engine_options',
  CELERY_RESULT_DB_SHORT_LIVED_SESSIONS: 'database_short_lived_sessions',
  CELERY_RESULT_DB_TABLENAMES: 'database_table_names',
  CELERY_SEND_TASK_SENT_EVENT: 'task_send_sent_event',
  CELERYD_TASK_SOFT_TIME_LIMIT: 'task_soft_time_limit',
  CELERYD_TASK_TIME_LIMIT: 'task_time_limit',
  CELERYD_WORKER_LOST_WAIT: 'worker_lost_wait',
}

/** The setting that an old-style name such as CELERY_RESULT_BACKEND stands for today. */
export function newNameOf(oldName: string): string | undefined {
  if (Object.hasOwn(IRREGULAR, oldName)) return IRREGULAR[oldName]
  const lower = oldName.toLowerCase()
  const bare = lower.replace(/^celery(?:d|beat|ev)?_/, '')
  const prefixes = lower.startsWith('celeryd_') ? ['worker_'] : ['task_', 'worker_', 'beat_']
  return [lower, bare, ...prefixesBefore(lower, prefixes, bare)].find((name) =>
    Object.hasOwn(celerySettings, name),
  )
}

function prefixesBefore(lower: string, prefixes: readonly string[], bare: string): string[] {
  const all = lower.startsWith('celerybeat_') ? ['beat_'] : prefixes
  return all.map((prefix) => `${prefix}${bare}`)
}
