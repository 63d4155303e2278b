import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import type { Ingested } from '../../src/monitor/recording/ingested.ts'
import { writeBatch } from '../../src/monitor/write-batch.ts'
import { migratedDatabase } from '../support/postgres.ts'
import { sorted } from '../support/sorted.ts'
import { eventsMessage, tell } from './events/tellings.ts'
import { message, read, withBody } from './messages.ts'

/** Tables that a batch is written to, and the keys by whose order their rows are locked. */
const KEYS = {
  message: 'digest',
  event: 'digest',
  worker: 'hostname',
  worker_process: 'hostname',
  task: 'task_id',
  quarantine: 'digest',
}

/** PostgreSQL puts a row where a page has room for it: a small one may come to stand before a large one. */
test('rows of any length are locked in the order of their keys, also on a connection that has written before', async () => {
  const database = await openDatabase({ url: await migratedDatabase(), poolSize: 1 })
  onTestFinished(() => database.close())
  await writeBatch(database, await batchOf(8))
  await noteWrites(database)
  await writeBatch(database, await batchOf(240))
  for (const table of Object.keys(KEYS)) {
    const rows = await database.query<{ key: string }>(
      'SELECT key FROM public.written WHERE of = $1 ORDER BY at',
      [table],
    )
    const keys = rows.map(({ key }) => key)
    expect(keys.length, table).toBeGreaterThanOrEqual(240)
    expect(keys, table).toEqual(sorted(keys))
  }
})

async function batchOf(size: number): Promise<Ingested[]> {
  const lengths = Array.from({ length: size }, (_, at) => (at * 613) % 1500)
  const batch = lengths.flatMap((length) => {
    const text = 'x'.repeat(length)
    const stamps = { timestamp: Date.now() / 1000, hostname: `${randomUUID()}@host`, pid: 7 }
    const events = [
      { ...stamps, type: 'task-started', uuid: randomUUID(), text },
      { ...stamps, type: 'worker-online' },
    ]
    return [
      read(message({ args: [text] })),
      read(withBody(randomUUID(), text)),
      tell(eventsMessage(events)),
    ]
  })
  return await Promise.all(batch)
}

/** In public.written, in the order in which they are made. */
async function noteWrites(database: Database): Promise<void> {
  await database.query('CREATE TABLE public.written (at serial, of text, key text)')
  await database.query(`CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO public.written (of, key) VALUES (TG_ARGV[0], to_jsonb(NEW) ->> TG_ARGV[1]);
    RETURN NEW;
  END $$`)
  for (const [table, key] of Object.entries(KEYS))
    await database.query(`CREATE TRIGGER note BEFORE INSERT ON monitor.${table}
      FOR EACH ROW EXECUTE FUNCTION public.note('${table}', '${key}')`)
}
