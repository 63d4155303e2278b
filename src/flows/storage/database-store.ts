import { isMissingFrom } from '../../database/behind.ts'
import type { Database } from '../../database/database.ts'
import { LeaseLost, StorageFailure } from '../failures/flow-errors.ts'
import { decoded, encoded } from './encoding.ts'
import type { Change, FlowStore, StoredSignal } from './flow-store.ts'
import {
  type AtomRecord,
  atomOfPlain,
  type FlowRecord,
  plainAtom,
  type StoredFlow,
} from './records.ts'

/**
 * Keeps flows in the schema `flows` of PostgreSQL. Each transition is one statement, and so one transaction: the flow's
 * row, its atoms' rows and what others are to hear of it. A writer whose lease has passed to another is refused.
 */
export class DatabaseStore implements FlowStore {
  readonly isEncoded = true
  readonly #database: Database

  /** The database must have our migrations (`celery-toolbox migrate up`); the code that opened it closes it. */
  constructor(database: Database) {
    this.#database = database
  }

  async load(flowId: string): Promise<StoredFlow | undefined> {
    const [flow] = await this.#ask<FlowRow>(LOAD_FLOW, [flowId])
    if (flow === undefined) return undefined
    const atoms = await this.#ask<AtomRow>(LOAD_ATOMS, [flowId])
    return { flow: flowOf(flow), atoms: atoms.map(atomOf) }
  }

  async save({ flow, atoms, events, used, epoch }: Change): Promise<void> {
    const [written] = await this.#ask<{ count: number }>(SAVE, [
      flow.id,
      flow.name,
      flow.version,
      flow.state,
      encoded(flow.meta),
      epoch ?? null,
      ...columnsOf(atoms),
      events.map(({ type }) => type),
      events.map(({ fields }) => encoded(fields)),
      used.flatMap(({ id }) => id ?? []),
      used.flatMap(({ id, name }) => (id === undefined ? name : [])),
    ])
    if (written?.count !== 1) {
      throw new LeaseLost(`flow "${flow.name}" (${flow.id}) is run by another process since`)
    }
  }

  async list(): Promise<readonly FlowRecord[]> {
    const rows = await this.#ask<FlowRow>(LIST, [])
    return rows.map(flowOf)
  }

  async remove(flowId: string): Promise<void> {
    await this.#ask(REMOVE, [flowId])
  }

  async sendSignal(flowId: string, name: string, value: unknown): Promise<void> {
    await this.#database.transaction(async (connection) => {
      await connection.query(SEND_SIGNAL, [flowId, name, encoded(value)])
      await connection.query(WAKE_JOB, [flowId, name])
    })
  }

  async signals(flowId: string): Promise<readonly StoredSignal[]> {
    const rows = await this.#ask<{ id: string; name: string; value: string }>(SIGNALS, [flowId])
    return rows.map(({ id, name, value }) => ({ id, name, value: decoded(value) }))
  }

  async close(): Promise<void> {
    // The database belongs to its opener.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #ask<Row extends object>(sql: string, parameters: readonly unknown[]): Promise<Row[]> {
    try {
      return await this.#database.query<Row>(sql, parameters)
    } catch (cause) {
      const hint = isMissingFrom(cause) ? '; run "celery-toolbox migrate up"' : ''
      throw new StorageFailure(`flows cannot be kept in ${this.#database.safeUrl}${hint}`, {
        cause,
      })
    }
  }
}

interface FlowRow extends Omit<FlowRecord, 'meta'> {
  readonly meta: string
}

type AtomRow = Record<
  | 'id'
  | 'name'
  | 'kind'
  | 'version'
  | 'state'
  | 'intention'
  | 'results'
  | 'failure'
  | 'revertResults'
  | 'revertFailure'
  | 'meta',
  string
>

function flowOf(row: FlowRow): FlowRecord {
  return { ...row, meta: decoded(row.meta) as Record<string, unknown> }
}

function atomOf(row: AtomRow): AtomRecord {
  return atomOfPlain({
    ...row,
    results: decoded(row.results),
    failure: decoded(row.failure),
    revertResults: decoded(row.revertResults),
    revertFailure: decoded(row.revertFailure),
    meta: decoded(row.meta),
  })
}

/** A list a column, as unnest() takes them. */
function columnsOf(atoms: readonly AtomRecord[]): unknown[][] {
  const plain = atoms.map(plainAtom)
  const texts = (['id', 'name', 'kind', 'version', 'state', 'intention'] as const).map((key) =>
    plain.map((atom) => atom[key]),
  )
  const values = (['results', 'failure', 'revertResults', 'revertFailure', 'meta'] as const).map(
    (key) => plain.map((atom) => encoded(atom[key])),
  )
  return [...texts, ...values]
}

const LOAD_FLOW = `SELECT id, name, version, state, meta::text FROM flows.flow WHERE id = $1`

const LIST = `SELECT id, name, version, state, meta::text FROM flows.flow ORDER BY created_at DESC LIMIT 1000`

const LOAD_ATOMS = `
  SELECT id, name, kind, version, state, intention, results::text, failure::text,
    revert_results::text AS "revertResults", revert_failure::text AS "revertFailure", meta::text
  FROM flows.atom WHERE flow_id = $1`

// Values go as texts and are cast one by one: json_to_recordset would refuse \\u0000, which JSON may hold.
const SAVE = `
  WITH flow AS (
    INSERT INTO flows.flow AS kept (id, name, version, state, meta, epoch)
    VALUES ($1, $2, $3, $4, $5::json, coalesce($6::bigint, 0))
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, version = excluded.version, state = excluded.state,
      meta = excluded.meta, epoch = greatest(kept.epoch, excluded.epoch), updated_at = clock_timestamp()
    WHERE $6::bigint IS NULL OR kept.epoch <= $6::bigint
    RETURNING id
  ), atoms AS (
    INSERT INTO flows.atom (flow_id, id, name, kind, version, state, intention, results, failure, revert_results, revert_failure, meta)
    SELECT flow.id, atom.id, atom.name, kind, version, state, intention, results::json, failure::json, revert_results::json,
      revert_failure::json, meta::json
    FROM flow, unnest($7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
      $15::text[], $16::text[], $17::text[])
      AS atom (id, name, kind, version, state, intention, results, failure, revert_results, revert_failure, meta)
    ON CONFLICT (flow_id, name) DO UPDATE SET id = excluded.id, kind = excluded.kind, version = excluded.version,
      state = excluded.state, intention = excluded.intention, results = excluded.results, failure = excluded.failure,
      revert_results = excluded.revert_results, revert_failure = excluded.revert_failure, meta = excluded.meta,
      updated_at = clock_timestamp()
  ), events AS (
    INSERT INTO flows.outbox (flow_id, type, fields)
    SELECT flow.id, event.type, event.fields::json FROM flow, unnest($18::text[], $19::text[]) AS event (type, fields)
  ), used AS (
    DELETE FROM flows.signal USING flow
    WHERE signal.flow_id = flow.id AND (signal.id = ANY ($20::bigint[]) OR signal.name = ANY ($21::text[]))
  )
  SELECT count(*)::int AS count FROM flow`

const REMOVE = `
  WITH signals AS (DELETE FROM flows.signal WHERE flow_id = $1)
  DELETE FROM flows.flow WHERE id = $1`

const SEND_SIGNAL = 'INSERT INTO flows.signal (flow_id, name, value) VALUES ($1, $2, $3::json)'

/**
 * Locks the flow's job in any case: a conductor that is about to release it then sees the signal, or this statement sees
 * that it was released.
 */
const WAKE_JOB = `
  UPDATE flows.job SET run_at = CASE WHEN state = 'UNCLAIMED' AND $2 = ANY (waits_for) THEN clock_timestamp() ELSE run_at END
  WHERE flow_id = $1
  RETURNING pg_notify('celery_toolbox_jobs', board)`

const SIGNALS = `SELECT id::text, name, value::text FROM flows.signal WHERE flow_id = $1 ORDER BY id`
