import { expect, test } from 'vitest'
import { Config } from '../../../src/config/index.ts'
import type { Database } from '../../../src/database/database.ts'
import { reinject } from '../../../src/monitor/quarantine/reinject.ts'
import { backfill } from '../../../src/monitor/states/backfill.ts'
import { compressMessage } from '../../../src/protocol/compressed-message.ts'
import { encodePlatformEvents } from '../../../src/protocol/events/encode-events.ts'
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

test('results that are taken over from celery_taskmeta are stored without what REDACT names', async () => {
  const REDACT = ['api-key', 'user.*_token', 'export.login:0']
  const config = new Config({ queues: ['export'], REDACT, environment: {}, dotenv: false })
  const place = await openPlace()
  const { database } = place
  await place.publish([message({ id: 'ok' }), message({ id: 'failed' })])
  const monitor = await startMonitor(place, { config })
  await recorded([monitor], 2)
  const result = {
    api_key: SECRET,
    user: { x_token: [SECRET], name: 'kept' },
    token: 1,
    list: [{ 'API-KEY': SECRET }],
  }
  await addResult(database, ['ok', 'SUCCESS', JSON.stringify(result), null])
  const error = {
    exc_type: 'ValueError',
    exc_message: [`api_key='${SECRET}'`],
    exc_module: 'builtins',
  }
  await addResult(database, ['failed', 'FAILURE', JSON.stringify(error), `api_key = "${SECRET}"`])
  await addResult(database, ['only-stored', 'SUCCESS', '1', null])
  await database.query(
    "update celery_taskmeta set name = 'export.login', args = $1, kwargs = $2 where task_id = 'only-stored'",
    [JSON.stringify([SECRET, 2]), JSON.stringify({ user: { a_token: SECRET } })].map((text) =>
      Buffer.from(text),
    ),
  )
  await backfill(database)
  expect(await holding(database, SECRET, 'monitor')).toEqual([])
  const rows = await database.query(
    'select task_id, args, kwargs, result, exception, traceback from monitor.task order by 1',
  )
  expect(rows).toMatchObject([
    { task_id: 'failed', exception: '[redacted]', traceback: '[redacted]' },
    {
      task_id: 'ok',
      args: [1, 2],
      result: {
        api_key: '[redacted]',
        user: { x_token: '[redacted]', name: 'kept' },
        token: 1,
        list: [{ 'API-KEY': '[redacted]' }],
      },
    },
    {
      task_id: 'only-stored',
      args: ['[redacted]', 2],
      kwargs: { user: { a_token: '[redacted]' } },
    },
  ])
})

async function addResult(
  database: Database,
  [id, status, result, traceback]: readonly (string | null)[],
): Promise<void> {
  await database.query(
    `insert into celery_taskmeta (id, task_id, status, result, traceback, date_done)
     values (nextval('task_id_sequence'), $1, $2, $3, $4, now() at time zone 'UTC')`,
    [id, status, Buffer.from(result ?? ''), traceback],
  )
}

/** The columns of all tables of ours that hold it somewhere. */
async function holding(
  database: Database,
  wanted: string,
  schemas = 'monitor,public',
): Promise<string[]> {
  const columns = await database.query<{ table: string; column: string; type: string }>(
    `select format('%I.%I', table_schema, table_name) as table, quote_ident(column_name) as column, data_type as type
     from information_schema.columns join information_schema.tables using (table_schema, table_name)
     where table_schema = any (string_to_array($1, ',')) and table_type = 'BASE TABLE'`,
    [schemas],
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
