import { expect, test } from 'vitest'
import { Config } from '../../../src/config/index.ts'
import type { Database } from '../../../src/database/database.ts'
import { reinject } from '../../../src/monitor/quarantine/reinject.ts'
import { compressMessage } from '../../../src/protocol/compressed-message.ts'
import { encodePlatformEvents } from '../../../src/protocol/encode-events.ts'
import { message, withBody } from '../messages.ts'
import { counts, openPlace, recorded, startMonitor } from '../monitored.ts'

const SECRET = 's3cr3t-4711'

test('what REDACT names is nowhere in the database, in no column, as text or as bytes', async () => {
  const config = new Config({
    queues: ['export'],
    REDACT: ['password', '*.token', 'export.login:0'],
    RETENTION: {},
    environment: {},
    dotenv: false,
  })
  const place = await openPlace()
  const secret = { password: SECRET, argsrepr: 'x' }
  const calls = [
    message({ id: 'a', kwargs: secret, kwargsrepr: `{'password': '${SECRET}'}` }),
    message({
      id: 'b',
      args: [{ user: { token: SECRET } }],
      argsrepr: `({'token': '${SECRET}'},)`,
    }),
    message({ id: 'c', task: 'export.login', args: [SECRET], argsrepr: `('${SECRET}',)` }),
    message({ id: 'd', headers: { password: SECRET } }),
    message({ id: 'e', serializer: 'msgpack', kwargs: secret }),
    await compressMessage(message({ id: 'f', kwargs: secret }), 'gzip'),
    message({ id: 'g', kwargs: { password: SECRET.repeat(10_000) } }),
    withBody('broken', `[["${SECRET}"], {"password": "${SECRET}"`),
    withBody('odd', JSON.stringify({ password: SECRET })),
    {
      ...message({ id: 'pickle' }),
      properties: { contentType: 'application/x-python-serialize' },
      body: Buffer.from(SECRET),
    },
    message({ id: 'plain', kwargs: { slug: 'kept' } }),
  ]
  await place.publish(calls)
  const { message: told, route } = encodePlatformEvents(EVENTS, {
    hostname: 'w@h',
    platformQueue: config.platformQueue,
  })
  await place.publish([told], route)
  const monitor = await startMonitor(place, { config })
  await recorded([monitor], calls.length + 1)

  expect(await holding(place.database, SECRET)).toEqual([])
  expect(await holding(place.database, '[redacted]')).not.toEqual([])
  expect(await holding(place.database, 'kept')).not.toEqual([])
  expect(await counts(place.database)).toMatchObject({ messages: 8, quarantined: 3 })
  await reinject(place.database, { all: true }, { config })
  expect(await holding(place.database, SECRET)).toEqual([])
})

const EVENTS = [
  {
    type: 'task-received',
    uuid: 'a',
    name: 'export.add',
    args: '()',
    kwargs: `{'password': '${SECRET}'}`,
  },
  { type: 'task-received', uuid: 'c', name: 'export.login', args: `('${SECRET}',)`, kwargs: '{}' },
  { type: 'task-succeeded', uuid: 'a', result: `{'password': '${SECRET}'}`, runtime: 0.1 },
  {
    type: 'task-failed',
    uuid: 'b',
    exception: `ValueError("password='${SECRET}'")`,
    traceback: `password = "${SECRET}"`,
  },
].map((event, at) => ({
  ...event,
  hostname: 'w@h',
  timestamp: Date.now() / 1_000,
  clock: at,
  utcoffset: 0,
  pid: 1,
}))

/** The columns of all tables of ours that hold it somewhere. */
async function holding(database: Database, wanted: string): Promise<string[]> {
  const columns = await database.query<{ table: string; column: string; type: string }>(
    `select format('%I.%I', table_schema, table_name) as table, quote_ident(column_name) as column, data_type as type
     from information_schema.columns join information_schema.tables using (table_schema, table_name)
     where table_schema in ('monitor', 'public') and table_type = 'BASE TABLE'`,
  )
  const found = await Promise.all(
    columns.map(async ({ table, column, type }) => {
      const bytes = type === 'bytea' ? column : `convert_to(${column}::text, 'UTF8')`
      const rows = await database.query(
        `select from ${table} where position($1::bytea in ${bytes}) > 0 limit 1`,
        [Buffer.from(wanted)],
      )
      return rows.length > 0 ? [`${table}.${column}`] : []
    }),
  )
  return found.flat()
}
