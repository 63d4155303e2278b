import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { migratedDatabase } from '../support/postgres.ts'
import { runPythonJson } from '../support/python-celery.ts'

/** Python expressions, and the jsonb that is read, as text, of their pickles and of kombu's JSON alike. */
const VALUES: readonly (readonly [python: string, json: string])[] = [
  ['None', 'null'],
  ['True', 'true'],
  ['0', '0'],
  ['-2**31 - 1', '-2147483649'],
  ['-2**200', `${-(2n ** 200n)}`],
  ['3**5000', `${3n ** 5000n}`],
  ['0.1', '0.1'],
  ['5.0', '5'],
  ['-1.05', '-1.05'],
  ['[1.0, {"x": 10.0}, "v1.0"]', '[1, {"x": 10}, "v1.0"]'],
  ['1e300', `1${'0'.repeat(300)}`],
  ['5e-324', `0.${'0'.repeat(323)}5`],
  ["float('nan')", '"NaN"'],
  [
    "[float('inf'), -float('inf'), 'NaN, -Infinity', {'n': float('nan')}]",
    '["Infinity", "-Infinity", "NaN, -Infinity", {"n": "NaN"}]',
  ],
  ["''", '""'],
  [`'say "hi" \\\\ there\\n'`, String.raw`"say \"hi\" \\ there\n"`],
  ["'Zürich 東京 😀'", '"Zürich 東京 😀"'],
  ["'a\\0b'", '"a\uFFFDb"'],
  ["'a\\\\u0000b\\\\\\0'", `"a\\\\u0000b\\\\\uFFFD"`],
  ["'lone \\ud800 surrogate \\udc00, \\ud83d'", '"lone \uFFFD surrogate \uFFFD, \uFFFD"'],
  ["'\\x7f\\x80\\xff'", '"\x7f\x80\xff"'],
  ["'ends like a pickle.'", '"ends like a pickle."'],
  ['[]', '[]'],
  ['{}', '{}'],
  ['(1, [2, [3, [4]]], {})', '[1, [2, [3, [4]]], {}]'],
  ["{'b': 1, 'a': {'c': None}}", '{"a": {"c": null}, "b": 1}'],
  ["{1: 'int', None: 'none'}", '{"1": "int", "null": "none"}'],
  ["b''", '{"__bytes__": ""}'],
  [String.raw`b'\x00\xff!'`, '{"__bytes__": "AP8h"}'],
  [
    String.raw`[b'\x00a"\\u0000', 'é{'.encode()]`,
    '[{"__bytes__": "AGEiXHUwMDAw"}, {"__bytes__": "w6l7"}]',
  ],
  ["b'y' * 60", `{"__bytes__": "${Buffer.from('y'.repeat(60)).toString('base64')}"}`],
  ['datetime.datetime(2026, 1, 2, 3, 4, 5)', '"2026-01-02T03:04:05"'],
  ['datetime.datetime(2026, 1, 2, 3, 4, 5, 60)', '"2026-01-02T03:04:05.000060"'],
  ['datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)', '"2026-01-02T00:00:00+00:00"'],
  [
    'datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone(-datetime.timedelta(hours=3, minutes=30)))',
    '"2026-01-02T00:00:00-03:30"',
  ],
  ['datetime.date(987, 1, 2)', '"0987-01-02"'],
  ['datetime.time(23, 59, 1, 5)', '"23:59:01.000005"'],
  ["decimal.Decimal('1.50')", '"1.50"'],
  ["{'d': [decimal.Decimal('NaN')]}", '{"d": ["NaN"]}'],
  ["uuid.UUID('00345678-1234-5678-1234-5678123456f8')", '"00345678-1234-5678-1234-5678123456f8"'],
  ["{'__type__': 'date', 'x': 1}", '{"x": 1, "__type__": "date"}'],
  [
    `['{"__type__": "date", "__value__": "2026-01-02"}']`,
    String.raw`["{\"__type__\": \"date\", \"__value__\": \"2026-01-02\"}"]`,
  ],
  [
    "{'exc_type': 'E', 'exc_message': ['x', 5], 'exc_module': 'm'}",
    '{"exc_type": "E", "exc_module": "m", "exc_message": ["x", 5]}',
  ],
]

test("Celery's JSON and its pickles of all protocols read as the same jsonb", async () => {
  const database = await migrated()
  const stored = await runPythonJson<readonly (readonly string[])[]>(
    `
import collections, datetime, decimal, json, pickle, sys, uuid
from kombu.utils.json import dumps
values = [eval(text) for text in json.loads(sys.argv[1])]
print(json.dumps([[(dumps(value)).encode().hex(), *(pickle.dumps(value, n).hex() for n in range(6))] for value in values]))`,
    { args: [JSON.stringify(VALUES.map(([python]) => python))] },
  )
  const read = await readResults(database, stored.flat())
  const each = VALUES.map(([python], i) => [python, ...read.slice(i * 7, i * 7 + 7)])
  expect(each).toEqual(VALUES.map(([python, json]) => [python, ...Array(7).fill(json)]))
})

test('any JSON is read as it is, but for NUL and lone surrogates', async () => {
  const database = await migrated()
  const text = fc
    .array(
      fc.constantFrom(
        '\\',
        '\ud83d',
        '\ude00',
        '\0',
        '"',
        '{',
        '}',
        'u0000',
        '1.0',
        'NaN',
        'é',
        '\n',
        '[',
      ),
    )
    .map((parts) => parts.join(''))
  const values = fc.sample(
    fc.anything({
      key: text,
      values: [
        text,
        fc.double({ noNaN: true }),
        fc.maxSafeInteger(),
        fc.boolean(),
        fc.constant(null),
      ],
      maxDepth: 4,
    }),
    { numRuns: 1000, seed: 11 },
  )
  const texts = values.flatMap((value, i) => JSON.stringify(value, null, i % 3) ?? [])
  const read = await readResults(database, texts.map(hexOf))
  expect(read.map((json) => JSON.parse(json))).toEqual(
    texts.map((json) => storable(JSON.parse(json))),
  )
})

test('cut and changed JSON never raises, not even in a parallel worker, and is refused where Python refuses it', async () => {
  const database = await migrated()
  const texts = [
    '{"a": [1, -2.50e-3, "x\\u00e9\\\\", null], "b": {"c": true, "n": NaN}}',
    '["\\ud83d\\ude00", {"__type__": "bytes", "__value__": "a\\u0000"}, -Infinity, 1.0, false]',
    '{"__type__": "uuid", "__value__": {"hex": "00345678123456781234567812345678"}}',
    ' [ [ ] , { } , "é" ] ',
  ]
  await database.query('create table texts as select convert_to(unnest($1::text[]), $2) as whole', [
    texts,
    'UTF8',
  ])
  const broken = await database.query<{ hex: string; read: string }>(`
    select encode(bad, 'hex') as hex, monitor.read_result(bad)::text as read
    from texts, generate_series(0, octet_length(whole) - 1) at,
      lateral (values (substring(whole for at)),
        (set_byte(whole, at, 255 - get_byte(whole, at))),
        (set_byte(whole, at, (get_byte(whole, at) + 1) % 256)),
        (set_byte(whole, at, 34)), (set_byte(whole, at, 92)), (set_byte(whole, at, 48)), (set_byte(whole, at, 44)),
        (set_byte(whole, at, (get_byte(whole, at) * 7 + at * 13) % 256))) t(bad)`)
  expect(broken.length).toBeGreaterThan(1500)
  const accepted = await runPythonJson<boolean[]>(
    `
import json, sys
def is_json(hex):
    try: json.loads(bytes.fromhex(hex).decode()); return True
    except ValueError: return False
print(json.dumps([is_json(hex) for hex in sys.argv[1:]]))`,
    { args: broken.map(({ hex }) => hex) },
  )
  expect(
    broken.filter(({ read }, i) => read.startsWith('{"__unreadable__"') === accepted[i]),
  ).toEqual([])

  const { plan, parallel } = await database.transaction(async (connection) => {
    await connection.query(`select set_config(name, 'on', true) from pg_settings
      where name in ('force_parallel_mode', 'debug_parallel_query')`)
    const sql = 'select count(monitor.read_result(whole)) as read from texts'
    return {
      plan: JSON.stringify(await connection.query(`explain ${sql}`)),
      parallel: await connection.query(sql),
    }
  })
  expect(plan).toContain('Gather')
  expect(parallel).toEqual([{ read: texts.length }])
})

test.each([
  ['nothing at all', '', 'neither pickle nor JSON'],
  ['YAML', 'a: 1\n', 'neither pickle nor JSON'],
  ['deep nesting', '['.repeat(600) + ']'.repeat(600), 'nested deeper than 500'],
  ['an endless number', `[${'1'.repeat(10_001)}]`, 'a number of more than 10000 digits'],
  ['a pickle that is cut', Buffer.from([0x80, 4, 0x5d]), 'it is cut short'],
])('%s gives the reason it cannot be read', async (_, stored, why) => {
  const database = await migrated()
  expect(await readResults(database, [hexOf(stored)])).toEqual([`{"__unreadable__": "${why}"}`])
})

test('no result is NULL, and typed values that make no sense stay as they are', async () => {
  const database = await migrated()
  expect(await database.query('select monitor.read_result(null) as none')).toEqual([{ none: null }])
  const odd = '{"__type__": "money", "__value__": {"cents": 5}}'
  expect(await readResults(database, [hexOf(odd)])).toEqual([odd])
})

test('plain results are read without a call of a function of ours', async () => {
  const database = await migrated()
  await database.query(
    `update pg_proc set prosrc = 'begin return ''"called"''; end' where proname = 'read_json'`,
  )
  const plain = [
    'null',
    '5',
    '"short text"',
    '[1, 2.5]',
    '{"a": [1, "b"], "c": {"d": null}}',
    '{"exc_type": "E", "exc_message": ["x"]}',
  ]
  expect(await readResults(database, plain.map(hexOf))).toEqual(plain)
  expect(await readResults(database, [hexOf('"\\u00e9"')])).toEqual(['"called"'])
})

async function migrated(): Promise<Database> {
  const database = await openDatabase({ url: await migratedDatabase() })
  onTestFinished(() => database.close())
  return database
}

async function readResults(database: Database, hexes: readonly string[]): Promise<string[]> {
  const rows = await database.query<{ read: string }>(
    `select monitor.read_result(decode(hex, 'hex'))::text as read
     from unnest($1::text[]) with ordinality as t(hex, i) order by i`,
    [hexes],
  )
  return rows.map(({ read }) => read)
}

function hexOf(stored: string | Uint8Array): string {
  return Buffer.from(stored as string).toString('hex') // it takes either
}

/** A value as PostgreSQL can keep it. */
function storable(value: unknown): unknown {
  if (typeof value === 'string') return Buffer.from(value).toString().replaceAll('\0', '\uFFFD')
  if (Array.isArray(value)) return value.map(storable)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [storable(key), storable(part)]),
  )
}
