import { expect, onTestFinished, test } from 'vitest'
import {
  bigint,
  boolean,
  bytea,
  type CopyColumn,
  copyRows,
  digest,
  float8,
  integer,
  jsonb,
  text,
  timeMs,
} from '../../src/database/copy/copy-columns.ts'
import type { Database } from '../../src/database/database.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { freshDatabase } from '../support/postgres.ts'

test.each<[string, CopyColumn<unknown>, string]>([
  ['short text', text('v', () => 'export.add'), 'export.add'],
  ['no text at all', text('v', () => ''), ''],
  ['text beyond ASCII', text('v', () => 'naïve 任务 🚀'), 'naïve 任务 🚀'],
  ['text with the marks of other formats', text('v', () => 'a\tb\\N\n\u001f'), 'a\tb\\N\n\u001f'],
  ['half a surrogate pair', text('v', () => 'a\ud83d'), 'a\ufffd'],
  ['JSON', jsonb('v', () => '{"a":[1,"é"]}'), '{"a": [1, "é"]}'],
  ['bytes', bytea('v', () => Buffer.from([0, 255, 92])), '\\x00ff5c'],
  ['a digest', digest('v', () => '00ff5c81'.repeat(4)), `\\x${'00ff5c81'.repeat(4)}`],
  [
    'of a longer digest 128 bits',
    digest('v', () => '00ff5c81'.repeat(8)),
    `\\x${'00ff5c81'.repeat(4)}`,
  ],
  ['true', boolean('v', () => true), 'true'],
  ['false', boolean('v', () => false), 'false'],
  ['the least integer', integer('v', () => -(2 ** 31)), '-2147483648'],
  ['the greatest bigint', bigint('v', () => '9223372036854775807'), '9223372036854775807'],
  ['a negative bigint', bigint('v', () => -5), '-5'],
  ['a float', float8('v', () => 0.1), '0.1'],
  ['no number', float8('v', () => Number.NaN), 'NaN'],
  [
    'a time, to the microsecond',
    timeMs('v', () => Date.UTC(2026, 0, 31) + 0.123),
    '2026-01-31 00:00:00.000123+00',
  ],
  ['a time before 2000', timeMs('v', () => -0.001), '1969-12-31 23:59:59.999999+00'],
  ['nothing', text('v', () => null), 'nothing'],
])('COPY takes %s', async (_name, column, expected) => {
  const database = await open()
  const [row] = await database.transaction(async (connection) => {
    await connection.query(`create table t (v ${column.type})`)
    await connection.copyFrom('copy t from stdin (format binary)', copyRows([column], [{}]))
    return await connection.query<{ v: string }>("select coalesce(v::text, 'nothing') as v from t")
  })
  expect(row?.v).toBe(expected)
})

test('rows of any size arrive in their order', async () => {
  const rows = Array.from({ length: 300 }, (_, at) => ({ at, body: Buffer.alloc(at * 1_000, at) }))
  const columns = [
    integer<(typeof rows)[0]>('at', ({ at }) => at),
    text<(typeof rows)[0]>('name', ({ at }) => 'é'.repeat(at * 500)),
    bytea<(typeof rows)[0]>('body', ({ body }) => body),
  ]
  const database = await open()
  const found = await database.transaction(async (connection) => {
    await connection.query('create table t (at integer, name text, body bytea)')
    await connection.copyFrom('copy t from stdin (format binary)', copyRows(columns, rows))
    return await connection.query(
      `select at, length(name) as letters, length(body) as bytes, body = decode(repeat(lpad(to_hex(at % 256), 2, '0'),
        at * 1000), 'hex') as same from t order by ctid`,
    )
  })
  expect(found).toEqual(
    rows.map(({ at }) => ({ at, letters: at * 500, bytes: at * 1_000, same: true })),
  )
})

test('a row that is refused while others are on their way leaves the connection as it was', async () => {
  const rows = Array.from({ length: 20_000 }, (_, at) => ({ json: at === 3 ? '{' : '{}' }))
  const columns = [
    jsonb<(typeof rows)[0]>('json', ({ json }) => json),
    text<(typeof rows)[0]>('name', () => 'x'.repeat(500)),
  ]
  const database = await open()
  await database.query('create table t (json jsonb, name text)')
  const copied = database.transaction(async (connection) => {
    await connection.copyFrom('copy t from stdin (format binary)', copyRows(columns, rows))
  })
  await expect(copied).rejects.toMatchObject({ code: '22P02' })
  expect(await database.query('select count(*)::int as rows from t')).toEqual([{ rows: 0 }])
})

test('what no column holds is refused before it is sent', () => {
  const rows = [{}]
  expect(() => copyRows([timeMs('eta', () => Number.POSITIVE_INFINITY)], rows)).toThrow(
    new RangeError('eta is not a time: Infinity'),
  )
  expect(() => copyRows([integer('retries', () => 2 ** 31)], rows)).toThrow(RangeError)
})

async function open(): Promise<Database> {
  const database = await openDatabase({ url: await freshDatabase() })
  onTestFinished(() => database.close())
  return database
}
