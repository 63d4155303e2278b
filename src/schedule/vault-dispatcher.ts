import type { Backoff } from '../async/backoff.ts'
import type { Broker } from '../brokers/broker.ts'
import type { Connection, Database } from '../database/database.ts'
import { atATime } from '../database/long-bodies.ts'
import { type Periodic, periodic } from '../lifecycle/periodic.ts'
import { type Service, service } from '../lifecycle/service.ts'
import { type Logger, silentLogger } from '../logger.ts'
import { HELD_COLUMNS, type HeldMessage, type HeldRow, heldMessages } from './held-messages.ts'
import { VAULT_CHANNEL } from './vault.ts'

interface VaultDispatcherOptions {
  readonly database: Database
  readonly broker: Pick<Broker, 'publish'>
  readonly logger?: Logger
  /** The most that one transaction publishes. Default 500. */
  readonly batchSize?: number
  /** How often it looks even without a notification. Default 5 s. */
  readonly lookEveryMs?: number
}

const BATCH_SIZE = 500
const LOOK_EVERY_MS = 5_000
/** What the broker does not take is tried again after this. */
const AGAIN_SECONDS = 10
const AWAY_BACKOFF: Backoff = { initialMs: 200, factor: 2, maxMs: 10_000, jitter: 0.5 }

/**
 * Publishes what is due in the vault. A row goes in the transaction in which its publish was confirmed: if that is cut
 * off it is published again, under the same task id. Dispatchers side by side never take the same row. The start rejects
 * where the database cannot be had; later absences are waited for. A stop waits until what is being published is settled.
 */
export function vaultDispatcher(options: VaultDispatcherOptions): Service {
  const dispatcher = new VaultDispatcher(options)
  const { logger, lookEveryMs: everyMs = LOOK_EVERY_MS } = options
  const turns: Periodic = periodic(() => dispatcher.dispatch(), {
    name: 'publishing what is due in the vault',
    everyMs,
    backoff: AWAY_BACKOFF,
    ...(logger && { logger }),
  })
  let unlisten: (() => Promise<void>) | undefined
  return service({
    name: 'the vault',
    start: async () => {
      unlisten = await options.database.listen(VAULT_CHANNEL, () => turns.wake())
      await turns.start()
    },
    stop: async (withinMs) => {
      await turns.stop({ withinMs })
      await unlisten?.()
    },
  })
}

class VaultDispatcher {
  readonly #options: VaultDispatcherOptions
  readonly #logger: Logger

  constructor(options: VaultDispatcherOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
  }

  /** Publishes what is due; says how long there is nothing more to do. */
  async dispatch(): Promise<number> {
    const { database, batchSize = BATCH_SIZE, lookEveryMs = LOOK_EVERY_MS } = this.#options
    const isAll = await database.transaction(
      async (connection) => await this.#publishDue(connection, batchSize),
    )
    if (!isAll) return 0
    const [next] = await database.query<{ wait_ms: number | null }>(NEXT)
    return Math.min(next?.wait_ms ?? lookEveryMs, lookEveryMs)
  }

  /** Whether that is all that was due. */
  async #publishDue(connection: Connection, batchSize: number): Promise<boolean> {
    const due = await connection.query<HeldRow>(DUE, [batchSize])
    if (due.length === 0) return true
    const taken = atATime(due)
    const held = await heldMessages(connection, taken)
    const outcomes = await Promise.allSettled(held.map((message) => this.#publish(message)))
    const refused = held.flatMap(({ taskId }, at) => {
      const outcome = outcomes[at]
      return outcome?.status === 'rejected' ? [{ taskId, problem: String(outcome.reason) }] : []
    })
    const late = new Set(refused.map(({ taskId }) => taskId))
    const published = held.map(({ taskId }) => taskId).filter((taskId) => !late.has(taskId))
    await connection.query('DELETE FROM monitor.scheduled WHERE task_id = ANY($1)', [published])
    if (refused.length > 0) await this.#putOff(connection, refused)
    this.#logger.debug({ published: published.length }, 'published messages that are due')
    return due.length < batchSize && taken.length === due.length
  }

  async #publish({ message, route }: HeldMessage): Promise<void> {
    // What no queue takes would be gone.
    await this.#options.broker.publish(message, route, { mandatory: true })
  }

  async #putOff(
    connection: Connection,
    refused: readonly { readonly taskId: string; readonly problem: string }[],
  ): Promise<void> {
    this.#logger.warn(
      { messages: refused.length, problem: refused[0]?.problem },
      'the broker refused messages that are due, trying again',
    )
    await connection.query(
      `UPDATE monitor.scheduled SET problem = refused.problem, refused_at = clock_timestamp(),
         next_at = clock_timestamp() + interval '${AGAIN_SECONDS} seconds'
       FROM unnest($1::text[], $2::text[]) AS refused (task_id, problem)
       WHERE scheduled.task_id = refused.task_id`,
      [refused.map(({ taskId }) => taskId), refused.map(({ problem }) => problem)],
    )
  }
}

const DUE = `
  SELECT ${HELD_COLUMNS} FROM monitor.scheduled
  WHERE next_at <= now()
  ORDER BY next_at
  LIMIT $1
  FOR UPDATE SKIP LOCKED`

const NEXT = `
  SELECT ceil(extract(epoch FROM min(next_at) - now()) * 1000)::float8 AS wait_ms
  FROM monitor.scheduled
  WHERE next_at > now()`
