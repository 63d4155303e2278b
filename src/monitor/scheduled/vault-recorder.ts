import type { Delivery } from '../../brokers/broker.ts'
import type { Connection, Database } from '../../database/database.ts'
import { atATime } from '../../database/long-bodies.ts'
import { periodic } from '../../lifecycle/periodic.ts'
import type { Service } from '../../lifecycle/service.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import {
  HELD_COLUMNS,
  type HeldMessage,
  type HeldRow,
  heldMessages,
} from '../../schedule/held-messages.ts'
import { mirrorRecordOf } from '../mirror/mirror-record.ts'
import type { MirrorRecord } from '../mirror/types.ts'
import type { WorkQueues } from '../mirror/work-queues.ts'
import type { Privacy } from '../privacy/privacy.ts'
import { writeBatch } from '../write-batch.ts'

export interface VaultRecorderOptions {
  readonly database: Database
  readonly queues: WorkQueues
  readonly privacy: Privacy
  readonly logger?: Logger
  /** How often it looks. Default a second. */
  readonly everyMs?: number
}

const EVERY_MS = 1000
const BATCH_SIZE = 500

/**
 * What waits in the vault was called, though no broker has seen it yet: it gets its row, SCHEDULED, as if its copy had
 * come. Once it is due and published the copy does come, and adds nothing. Any number run side by side.
 */
export function vaultRecorder(options: VaultRecorderOptions): Service {
  const { everyMs = EVERY_MS, logger = silentLogger } = options
  const recorder = new VaultRecorder(options)
  const name = 'recording what is scheduled'
  return periodic((signal) => recorder.record(signal), { name, everyMs, logger })
}

class VaultRecorder {
  readonly #options: VaultRecorderOptions
  readonly #logger: Logger

  constructor(options: VaultRecorderOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
  }

  /** All that has no row yet. */
  async record(signal: AbortSignal): Promise<void> {
    const { database } = this.#options
    let isAll = false
    while (!isAll && !signal.aborted) {
      isAll = await database.transaction(async (connection) => await this.#recordBatch(connection))
    }
  }

  /** Whether that is all that had no row. */
  async #recordBatch(connection: Connection): Promise<boolean> {
    const unrecorded = await connection.query<HeldRow>(UNRECORDED, [BATCH_SIZE])
    if (unrecorded.length === 0) return true
    const rows = atATime(unrecorded)
    const held = await heldMessages(connection, rows)
    const batch = await Promise.all(held.map(async (message) => await this.#read(message)))
    await this.#write(batch)
    await connection.query(
      'UPDATE monitor.scheduled SET recorded_at = now() WHERE task_id = ANY($1)',
      [rows.map(({ task_id }) => task_id)],
    )
    return unrecorded.length < BATCH_SIZE && rows.length === unrecorded.length
  }

  /** One that PostgreSQL refuses is left to its copy, which goes to the quarantine then. */
  async #write(batch: readonly MirrorRecord[]): Promise<void> {
    const { database } = this.#options
    try {
      await writeBatch(database, batch)
    } catch (cause) {
      const [only] = batch
      if (only === undefined) return
      if (batch.length > 1) {
        for (const one of batch) await this.#write([one])
      } else {
        this.#logger.warn(
          { err: cause, taskId: only.taskId },
          'a scheduled task is not recorded yet',
        )
      }
    }
  }

  async #read({ message, route, heldAt }: HeldMessage): Promise<MirrorRecord> {
    const { queues, privacy } = this.#options
    const delivery: Delivery = { ...UNDELIVERED, message, route }
    return await mirrorRecordOf(delivery, queues, { privacy, receivedAtMs: heldAt.getTime() })
  }
}

/** It came from no queue, so there is nothing to settle. */
const UNDELIVERED = {
  queue: '',
  attempt: 1,
  redelivered: false,
  isSettled: true,
  isLost: false,
  lost: new AbortController().signal,
  ack: async () => undefined,
  requeue: async () => undefined,
  reject: async () => undefined,
  extend: async () => undefined,
} as const

const UNRECORDED = `
  SELECT ${HELD_COLUMNS} FROM monitor.scheduled
  WHERE recorded_at IS NULL
  ORDER BY held_at
  LIMIT $1
  FOR UPDATE SKIP LOCKED`
