import type { Socket } from 'node:net'
import type { Client, PoolClient } from 'pg'
import { startInterval } from '../async/timer.ts'
import { isDoneWithin, withDeadline } from '../async/with-deadline.ts'
import type { Logger } from '../logger.ts'
import { isConnectionLoss } from './connection-loss.ts'

/** A statement that is not answered for so long is asked after. */
const SILENT_MS = 10_000
const ANSWER_MS = 5_000
const END_MS = 2_000

interface SilenceWatchParts {
  readonly safeUrl: string
  /** Another connected client, to ask on. */
  readonly connect: () => Promise<Client>
  readonly logger: Logger
  readonly silentMs?: number | undefined
  /** A connection has fallen silent. */
  readonly onSilent?: () => void
}

/**
 * Ends connections that have fallen silent: a network that swallows packets closes none of them, and their statements would
 * wait for ever. A second connection asks whether the server still works on the statement, so that long ones may take long.
 */
export class SilenceWatch {
  readonly #parts: SilenceWatchParts

  constructor(parts: SilenceWatchParts) {
    this.#parts = parts
  }

  /** The statement's outcome; a loss of the connection where the server has nothing to do for it. */
  async over<Result>(client: Client | PoolClient, statement: Promise<Result>): Promise<Result> {
    const answered = new AbortController()
    let isAsking = false
    let moved = movedBytes(client)
    const timer = startInterval(this.#parts.silentMs ?? SILENT_MS, () => {
      if (isAsking) return
      isAsking = true
      const before = moved
      moved = movedBytes(client)
      const isMoving = moved !== before
      void this.#endIfSilent(client, { answered: answered.signal, isMoving }).finally(() => {
        isAsking = false
      })
    }).unref()
    try {
      return await statement
    } finally {
      timer.clear()
      answered.abort()
    }
  }

  /** What is answered while the server is asked was not silent. */
  async #endIfSilent(
    client: Client | PoolClient,
    { answered, isMoving }: { readonly answered: AbortSignal; readonly isMoving: boolean },
  ): Promise<void> {
    if ((await this.#isAtWork(client, isMoving)) || answered.aborted) return
    const { logger, safeUrl } = this.#parts
    logger.warn({ database: safeUrl }, 'database connection silent, closing it')
    endAtOnce(client)
    this.#parts.onSilent?.()
  }

  /** True as well where the server answers and cannot tell, as when it takes no more connections. */
  async #isAtWork(client: Client | PoolClient, isMoving: boolean): Promise<boolean> {
    try {
      const asked = this.#ask(pidOf(client), isMoving)
      return await withDeadline(asked, 2 * ANSWER_MS, () => new Error('timeout expired'))
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : ''
      return /^\w{5}$/.test(code) && code !== 'EPIPE' && !isConnectionLoss(error)
    }
  }

  async #ask(pid: number | null, isMoving: boolean): Promise<boolean> {
    const asking = await this.#parts.connect()
    try {
      const { rows } = await withDeadline(
        asking.query<WorkAnswer>(QUESTION, [pid, isMoving]),
        ANSWER_MS,
        () => new Error('timeout expired'),
      )
      const [{ own, isActive } = { own: null, isActive: false }] = rows
      // A pooler (PgBouncer) gives process ids of its own: which of the server's is the client's is unknown.
      return isActive || own === null || own !== pidOf(asking)
    } finally {
      endAtOnce(asking)
    }
  }
}

interface WorkAnswer {
  readonly own: number | null
  readonly isActive: boolean
}

/**
 * Of a COPY whose rows are lost on their way the server says that it is active, for ever: it waits for its client. So it does
 * between two pieces of a long one, whose bytes move.
 */
const QUESTION = `
  SELECT pg_backend_pid() AS own,
    EXISTS (
      SELECT FROM pg_stat_activity
      WHERE pid = $1 AND state LIKE '%active%' AND ($2 OR wait_event_type IS DISTINCT FROM 'Client')
    ) AS "isActive"`

/** What has come, and what has gone out of this process. */
function movedBytes(client: Client | PoolClient): number {
  // Not in the driver's types, and there since its first version.
  const { connection } = client as unknown as { connection?: { stream?: Partial<Socket> } }
  const { bytesRead = 0, bytesWritten = 0, writableLength = 0 } = connection?.stream ?? {}
  return bytesRead + bytesWritten - writableLength
}

/** Says goodbye to the server; one that is silent answers nothing to that either. */
export async function endInTime(client: Client): Promise<void> {
  if (!(await isDoneWithin(END_MS, client.end()))) endAtOnce(client)
}

/** Closes the socket and waits for nothing, as no answer may come. */
export function endAtOnce(client: Client | PoolClient): void {
  // Not in the driver's types, and there since its first version.
  const { connection } = client as unknown as { connection?: { stream?: { destroy(): void } } }
  connection?.stream?.destroy()
}

function pidOf(client: Client | PoolClient): number | null {
  // Not in the driver's types: the server sends it at the start of the connection.
  return (client as unknown as { processID?: number }).processID ?? null
}
