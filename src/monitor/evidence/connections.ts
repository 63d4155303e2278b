import type { ApiLook } from '../../brokers/amqp/management-api.ts'
import type { Connection } from '../../database/database.ts'

interface KnownProcess {
  readonly hostname: string
  readonly pid: number
  readonly connection: string | null
  readonly isClosed: boolean
  /** It takes commands: it lives, and has not announced its stop. */
  readonly isListening: boolean
}

/**
 * Notes which connection each process has, by the consumer of its queue of remote control, and which of those known
 * from before are closed. A process that finishes its tasks takes no commands any more, but keeps its connection.
 * Processes are read before the API is asked: a connection that is noted meanwhile is not missed in an older answer.
 */
export async function noteConnections(
  database: Connection,
  lookAtApi: () => Promise<ApiLook>,
  controlExchange: string,
): Promise<ApiLook> {
  const processes = await database.query<KnownProcess>(PROCESSES)
  const look = await lookAtApi()
  const listening = new Map<string, number>()
  for (const { hostname, isListening } of processes)
    if (isListening) listening.set(hostname, (listening.get(hostname) ?? 0) + 1)
  for (const process of processes) {
    const isOnly = process.isListening && listening.get(process.hostname) === 1
    const found = isOnly ? look.connectionOf(`${process.hostname}.${controlExchange}.pidbox`) : null
    await noteConnection(database, process, { found, look })
  }
  return look
}

async function noteConnection(
  database: Connection,
  { hostname, pid, connection, isClosed }: KnownProcess,
  { found, look }: { readonly found: string | null; readonly look: ApiLook },
): Promise<void> {
  if (found !== null && (found !== connection || isClosed)) {
    await database.query(FOUND, [hostname, pid, found])
  } else if (connection !== null && !isClosed && !look.isOpen(connection)) {
    await database.query(CLOSED, [hostname, pid, connection])
  }
}

const PROCESSES = `
  SELECT hostname, pid, connection, closed_at IS NOT NULL AS "isClosed",
    coalesce(offline_at < last_heartbeat_at, true) AND heard_at > now() - interval '1 minute' AS "isListening"
  FROM monitor.worker_process
  WHERE closed_at IS NULL OR heard_at > now() - interval '1 minute'`

const FOUND = `
  UPDATE monitor.worker_process SET connection = $3, closed_at = NULL WHERE hostname = $1 AND pid = $2`

/** Unless it came online meanwhile, with another. */
const CLOSED = `
  UPDATE monitor.worker_process SET closed_at = now()
  WHERE hostname = $1 AND pid = $2 AND connection = $3 AND closed_at IS NULL`
