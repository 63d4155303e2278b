import type { Database } from '../../../src/database/database.ts'

/**
 * All of it but for what tells when and by which transaction a row was written: a task known by recorded events alone
 * is dated by their arrival, as their clock is days behind.
 */
const ROWS: Readonly<Record<string, string>> = {
  task: `select task_id as key, to_jsonb(task) - 'updated_at'
    - case when options ? 'reported_by' then 'published_at' else 'updated_at' end as row from monitor.task`,
  message: `select encode(digest, 'hex') as key, to_jsonb(message) - 'id' - 'received_at' - 'day' as row from monitor.message`,
  event: `select encode(digest, 'hex') as key, to_jsonb(event) - 'id' - 'received_at' as row from monitor.event`,
  quarantine: `select encode(digest, 'hex') as key, to_jsonb(quarantine) - 'id' - 'received_at' as row from monitor.quarantine`,
  worker: `select hostname as key, to_jsonb(worker) - 'updated_at' as row from monitor.worker`,
  history: `select task_id as key, jsonb_build_object('status', status, 'result', result, 'exception', exception) as row
    from monitor.task_history`,
}

export type Tables = ReadonlyMap<string, unknown>

export async function tablesOf(database: Database): Promise<Tables> {
  const tables = new Map<string, unknown>()
  for (const [table, sql] of Object.entries(ROWS)) {
    const rows = await database.query<{ key: string; row: unknown }>(sql)
    for (const { key, row } of rows) tables.set(`${table} ${key}`, row)
  }
  return tables
}

export interface Difference {
  readonly key: string
  readonly one: unknown
  readonly other: unknown
}

/** The first few columns that are not the same. */
export function differences(one: Tables, other: Tables): Difference[] {
  const keys = new Set([...one.keys(), ...other.keys()])
  return [...keys]
    .filter((key) => JSON.stringify(one.get(key)) !== JSON.stringify(other.get(key)))
    .slice(0, 10)
    .map((key) => ({ key, ...columnsApart(one.get(key), other.get(key)) }))
}

function columnsApart(one: unknown, other: unknown): { one: unknown; other: unknown } {
  if (one === undefined || other === undefined)
    return { one: one !== undefined, other: other !== undefined }
  const [left, right] = [Object.entries(one as object), Object.entries(other as object)]
  const apart = left.flatMap(([name, value], at) =>
    JSON.stringify(value) === JSON.stringify(right[at]?.[1]) ? [] : [[name, value, right[at]?.[1]]],
  )
  return {
    one: Object.fromEntries(apart.map(([name, value]) => [name, value])),
    other: Object.fromEntries(apart.map(([name, , value]) => [name, value])),
  }
}
