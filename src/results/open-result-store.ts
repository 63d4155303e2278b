import type { Broker } from '../brokers/broker.ts'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import { openDatabase } from '../database/open-database.ts'
import { ResultError } from '../errors.ts'
import { type Logger, silentLogger } from '../logger.ts'
import { safeUrl } from '../safe-url.ts'
import { DisabledResultStore } from './disabled-store.ts'
import { MemoryResultStore } from './memory/memory-store.ts'
import { PostgresResultStore } from './postgres/postgres-store.ts'
import { CELERY_TABLES, quoteName, type TaskmetaTables } from './postgres/tables/taskmeta-sql.ts'
import { RedisResultStore, type RedisStoreSettings } from './redis/redis-store.ts'
import type { ResultStore } from './result-store.ts'
import { type RetryLimits, type RetrySettings, retryLimits } from './retry-limits.ts'
import type { RpcSettings } from './rpc/messages.ts'
import { RpcResultStore } from './rpc/rpc-store.ts'

/** The settings of a `Config` that results need. */
type ResultSettings = Pick<Config, 'result_backend'> &
  RetrySettings &
  RedisStoreSettings &
  RpcSettings &
  Partial<
    Pick<
      Config,
      'result_expires' | 'result_extended' | 'database_table_names' | 'database_table_schemas'
    >
  >

interface OpenResultStoreOptions {
  readonly logger?: Logger
  /** Already open: used for every `db+postgresql://` url, and not closed with the store. */
  readonly database?: Database
  /** For `rpc://`, whose results are messages: closed by the code that opened it, after the store. */
  readonly broker?: () => Promise<Broker>
  /** For `rpc://`: the queue that calls name as their `reply_to`. */
  readonly replyTo?: string
  /** How long a save tries, while the backend is away. Default 30 s. */
  readonly saveDeadlineMs?: number
}

/** Whether results arrive as messages, for which their caller must listen before it calls. */
export function listensBeforePublish({ result_backend: backend }: ResultSettings): boolean {
  return /^rpc:/.test(backend ?? '')
}

interface LimitedOptions extends OpenResultStoreOptions {
  /** What result_backend_always_retry asks for. */
  readonly limits?: RetryLimits
}

const KNOWN =
  '"db+postgresql://…", "redis://…", "rediss://…", "rpc://", "memory://", "cache+memory://", "disabled://"'

/** Opens the store that `result_backend` names. */
export async function openResultStore(
  config: ResultSettings,
  given: OpenResultStoreOptions = {},
): Promise<ResultStore> {
  const limits = retryLimits(config)
  const options = { ...(limits && { saveDeadlineMs: limits.deadlineMs, limits }), ...given }
  const backend = config.result_backend ?? ''
  const scheme = backend.replace(/:\/\/.*$/s, '')
  if (scheme === '' || scheme === 'disabled') return new DisabledResultStore()
  if (scheme === 'memory' || scheme === 'cache+memory') return openMemory(backend, config)
  if (scheme === 'rpc') return openRpc(config, options)
  if (scheme === 'redis' || scheme === 'rediss') return await openRedis(backend, config, options)
  if (/^db\+postgres(?:ql)?(?:\+\w+)?$/.test(scheme)) return await openPostgres(config, options)
  throw new ResultError(
    'RESULT_BACKEND_UNKNOWN',
    `result_backend is "${safeUrl(backend)}", which is unknown: use one of ${KNOWN}`,
  )
}

function openMemory(backend: string, config: ResultSettings): ResultStore {
  const name = backend.replace(/^[^:]*(:\/\/)?/, '').replace(/\/$/, '')
  const { MESSAGE_LIMIT_NODES: maxNodes } = config
  return new MemoryResultStore({ name, expiresMs: expiresMsOf(config), maxNodes })
}

/** As in Python, None and 0 keep results for ever. */
function expiresMsOf({ result_expires: expires }: ResultSettings): number | undefined {
  return expires ? expires * 1000 : undefined
}

function openRpc(
  settings: ResultSettings,
  { logger = silentLogger, broker, replyTo, saveDeadlineMs }: OpenResultStoreOptions,
): ResultStore {
  if (broker === undefined || replyTo === undefined) {
    throw new ResultError(
      'RESULT_UNSUPPORTED',
      'rpc:// cannot be opened by itself: its results are messages to an app, on the broker of that app',
    )
  }
  return new RpcResultStore({
    broker,
    replyTo,
    settings,
    logger,
    ...(saveDeadlineMs !== undefined && { saveDeadlineMs }),
  })
}

async function openRedis(
  url: string,
  settings: ResultSettings,
  { logger = silentLogger, saveDeadlineMs, limits }: LimitedOptions,
): Promise<ResultStore> {
  return await RedisResultStore.open({
    url,
    settings,
    logger,
    backoff: limits?.backoff,
    ...(saveDeadlineMs !== undefined && { saveDeadlineMs }),
  })
}

async function openPostgres(
  config: ResultSettings,
  { logger = silentLogger, database, saveDeadlineMs, limits }: LimitedOptions,
): Promise<ResultStore> {
  return new PostgresResultStore({
    database: database ?? (await openDatabase({ url: config.result_backend ?? '', logger })),
    ownsDatabase: database === undefined,
    backoff: limits?.backoff,
    isExtended: config.result_extended ?? false,
    serializer: config.result_serializer,
    maxNodes: config.MESSAGE_LIMIT_NODES,
    tables: tablesOf(config),
    expiresMs: expiresMsOf(config),
    logger,
    ...(saveDeadlineMs !== undefined && { saveDeadlineMs }),
  })
}

/** Celery's database_table_names and database_table_schemas: `{ task: …, group: … }`. */
function tablesOf(config: ResultSettings): TaskmetaTables {
  const [names, schemas] = [config.database_table_names, config.database_table_schemas]
  const nameOf = (which: 'task' | 'group', otherwise: string) =>
    names?.[which] || schemas?.[which]
      ? quoteName(textIfAny(names?.[which]) ?? otherwise, textIfAny(schemas?.[which]))
      : CELERY_TABLES[which]
  return {
    task: nameOf('task', 'celery_taskmeta'),
    group: nameOf('group', 'celery_tasksetmeta'),
  }
}

function textIfAny(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
