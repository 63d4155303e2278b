import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { anyCharacter } from '../support/any-character.ts'
import { migratedDatabase } from '../support/postgres.ts'

const FIXTURES = resolve(import.meta.dirname, '../fixtures/celery')
const PROTOCOLS = [0, 1, 2, 3, 4, 5]

/** Python expressions, and the jsonb that monitor.unpickle makes of their pickles, as text. */
const VALUES: readonly (readonly [python: string, json: string])[] = [
  ['None', 'null'],
  ['True', 'true'],
  ['False', 'false'],
  ['0', '0'],
  ['255', '255'],
  ['256', '256'],
  ['65535', '65535'],
  ['65536', '65536'],
  ['2**31 - 1', '2147483647'],
  ['2**31', '2147483648'],
  ['-1', '-1'],
  ['-2**31', '-2147483648'],
  ['-2**31 - 1', '-2147483649'],
  ['2**63', '9223372036854775808'],
  ['-2**200', `${-(2n ** 200n)}`],
  ['3**5000', `${3n ** 5000n}`],
  ['0.1', '0.1'],
  ['-1.5', '-1.5'],
  ['1e300', `1${'0'.repeat(300)}`],
  ['5e-324', `0.${'0'.repeat(323)}5`],
  ["float('nan')", '"NaN"'],
  ["float('inf')", '"Infinity"'],
  ["-float('inf')", '"-Infinity"'],
  ["''", '""'],
  ["'plain'", '"plain"'],
  [`'say "hi" \\\\ there\\n'`, String.raw`"say \"hi\" \\ there\n"`],
  ["'Zürich 東京 😀'", '"Zürich 東京 😀"'],
  ["'a\\0b'", '"a\uFFFDb"'],
  ["'a\\\\000b\\0'", `"a\\\\000b\uFFFD"`],
  ["'\\x7f\\x80\\xff'", '"\x7f\x80\xff"'],
  ["'lone \\ud800 surrogate'", '"lone \uFFFD surrogate"'],
  ["'x' * 300", `"${'x'.repeat(300)}"`],
  ['[]', '[]'],
  ['[1, [2, [3]], {}]', '[1, [2, [3]], {}]'],
  ['()', '[]'],
  ['(1,)', '[1]'],
  ['(1, 2, 3, 4)', '[1, 2, 3, 4]'],
  ["{'b': 1, 'a': {'c': None}}", '{"a": {"c": null}, "b": 1}'],
  [
    "{1: 'int', None: 'none', True: 'true', (1, 2): 'tuple'}",
    '{"1": "true", "null": "none", "[1, 2]": "tuple"}',
  ],
  [
    'list(range(2500))',
    JSON.stringify(Array.from({ length: 2500 }, (_, i) => i)).replaceAll(',', ', '),
  ],
  ['{1}', '[1]'],
  ['frozenset([1])', '[1]'],
  ["b''", '{"__bytes__": ""}'],
  [String.raw`b'\x00\xff!'`, '{"__bytes__": "AP8h"}'],
  ["b'y' * 60", `{"__bytes__": "${Buffer.from('y'.repeat(60)).toString('base64')}"}`],
  ["bytearray(b'ab')", '{"__bytes__": "YWI="}'],
  ['datetime.datetime(2026, 1, 2, 3, 4, 5)', '"2026-01-02T03:04:05"'],
  ['datetime.datetime(2026, 1, 2, 3, 4, 5, 60)', '"2026-01-02T03:04:05.000060"'],
  ['datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)', '"2026-01-02T00:00:00+00:00"'],
  [
    'datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone(-datetime.timedelta(hours=3, minutes=30)))',
    '"2026-01-02T00:00:00-03:30"',
  ],
  [
    "datetime.datetime(2026, 1, 2, tzinfo=zoneinfo.ZoneInfo('Europe/Paris'))",
    '"2026-01-02T00:00:00[Europe/Paris]"',
  ],
  ['datetime.datetime(2026, 1, 2, fold=1)', '"2026-01-02T00:00:00"'],
  ['datetime.date(987, 1, 2)', '"0987-01-02"'],
  ['datetime.time(23, 59, 1, 5)', '"23:59:01.000005"'],
  ['datetime.timedelta(1, 2, 3)', '{"args": [1, 2, 3], "__class__": "datetime.timedelta"}'],
  ["decimal.Decimal('1.50')", '"1.50"'],
  ["uuid.UUID('00345678-1234-5678-1234-5678123456f8')", '"00345678-1234-5678-1234-5678123456f8"'],
  [
    '[uuid.UUID(int=0)] * 2',
    '["00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000"]',
  ],
  ['collections.OrderedDict(a=1)', '{"a": 1}'],
  ['collections.defaultdict(list, a=[1])', '{"a": [1]}'],
  ["collections.Counter('aab')", '{"a": 2, "b": 1}'],
  ['collections.deque([1, 2])', '[1, 2]'],
  ["ValueError('boom', 3)", '{"args": ["boom", 3], "__class__": "builtins.ValueError"}'],
  ['complex(1, 2)', '{"args": [1, 2], "__class__": "builtins.complex"}'],
  ['len', '{"__class__": "builtins.len"}'],
  ['(lambda x: [x, x, {"x": x}])([1])', '[[1], [1], {"x": [1]}]'],
]

test.each(PROTOCOLS)('what Python pickles with protocol %i is read as jsonb', async (protocol) => {
  const database = await migrated()
  const pickles = pickled(VALUES.map(([python]) => `pickle.dumps(${python}, ${protocol})`))
  const read = await unpickle(database, pickles)
  expect(read.map((json, i) => [VALUES[i]?.[0], json])).toEqual(VALUES)
})

test('an instance of an unknown class is shown by name, arguments, state and items', async () => {
  const database = await migrated()
  const pickles = pickled(
    PROTOCOLS.map((protocol) => `pickle.dumps([Point(1), Err('no'), Bag([1, 2])], ${protocol})`),
    `
class Point:
    def __init__(self, x): self.x = x
class Err(Exception):
    def __init__(self, why): super().__init__(why); self.why = why
class Bag(list): pass
`,
  )
  const values = (await unpickle(database, pickles)).map((json) => JSON.parse(json))
  for (const [point, error, bag] of values) {
    expect(point).toMatchObject({ __class__: '__main__.Point', state: { x: 1 } })
    expect(error).toEqual({ __class__: '__main__.Err', args: ['no'], state: { why: 'no' } })
    expect(bag).toMatchObject({ __class__: '__main__.Bag' })
  }
  expect(values.at(-1)?.[2]).toEqual({ __class__: '__main__.Bag', args: [], items: [1, 2] })
})

test('every result that Celery stored is read', async () => {
  const database = await migrated()
  const stored = storedResults()
  expect(stored.size).toBeGreaterThan(15)
  const read = await unpickle(database, [...stored.values()])
  const byName = Object.fromEntries(
    [...stored.keys()].map((name, i) => [name, JSON.parse(read[i] ?? '')]),
  )
  expect(read.filter((json) => json.includes('__unreadable__'))).toEqual([])
  expect(byName).toMatchObject({
    'db-success-int.json': 5,
    'db-success-typed.json': {
      dt: '2020-01-02T03:04:05.000006+00:00',
      date: '2020-01-02',
      dec: '1.50',
      uuid: '12345678-1234-5678-1234-567812345678',
      bytes: { __bytes__: 'AP8=' },
      neg: -8_589_934_592,
    },
    'db-failure-custom.json': {
      exc_type: 'CustomError',
      exc_message: [42, 'bad thing'],
      exc_module: 'proj.app',
    },
  })
})

test('any JSON value survives the way through Python', async () => {
  const database = await migrated()
  const values = fc.sample(fc.jsonValue({ maxDepth: 4, stringUnit: anyCharacter }), {
    numRuns: 300,
    seed: 7,
  })
  const texts = values.map((value) => JSON.stringify(value).replaceAll('\\u0000', '\uFFFD'))
  const pickles = pickled(
    texts.map((_, i) => `pickle.dumps(values[${i}], ${i % 6})`),
    `values = [json.loads(text) for text in json.loads(sys.stdin.readline())]`,
    JSON.stringify(texts),
  )
  const read = await unpickle(database, pickles)
  expect(read.map((json) => JSON.parse(json))).toEqual(
    texts.map((text) => normal(JSON.parse(text))),
  )
})

test('broken and hostile bytes never raise, not even in a parallel worker', async () => {
  const database = await migrated()
  const whole = [
    ...storedResults().values(),
    ...pickled(VALUES.map(([python], i) => `pickle.dumps(${python}, ${i % 6})`)),
  ].filter((hex) => hex.length < 700)
  await database.query('create table pickles as select decode(unnest($1::text[]), $2) as whole', [
    whole,
    'hex',
  ])
  // Each cut at every byte, and each with every byte changed in three ways.
  const [{ broken } = { broken: 0 }] = await database.query<{ broken: number }>(`
    select count(monitor.read_pickle(bad)) as broken from pickles, generate_series(0, octet_length(whole) - 1) at,
      lateral (values (substring(whole for at)),
        (set_byte(whole, at, 255 - get_byte(whole, at))),
        (set_byte(whole, at, (get_byte(whole, at) + 1) % 256)),
        (set_byte(whole, at, (get_byte(whole, at) * 7 + at * 13) % 256))) t(bad)`)
  expect(broken).toBeGreaterThan(8_000)

  const { plan, parallel } = await database.transaction(async (connection) => {
    await connection.query(`select set_config(name, 'on', true) from pg_settings
      where name in ('force_parallel_mode', 'debug_parallel_query')`)
    const sql = 'select count(monitor.read_pickle(whole)) as read from pickles'
    return {
      plan: JSON.stringify(await connection.query(`explain ${sql}`)),
      parallel: await connection.query(sql),
    }
  })
  expect(plan).toContain('Gather')
  expect(parallel).toEqual([{ read: whole.length }])
})

test.each([
  ['nothing at all', '', 'it is cut short'],
  ['JSON, which some write here', Buffer.from('{"a": 1}').toString('hex'), 'opcode 0x7b at byte 0'],
  ['a pickle that loads a module by id', '80045105002e', 'opcode 0x51 at byte 2'],
  ['deep nesting', `8004${'5d'.repeat(600)}${'61'.repeat(599)}2e`, 'nested deeper than 500'],
  ['copies of copies of copies', bomb(40), 'it grows beyond 4 MB'],
])('%s gives the reason it cannot be read', async (_, hex, why) => {
  const database = await migrated()
  expect(await unpickle(database, [hex])).toEqual([`{"__unreadable__": "${why}"}`])
})

test('nothing that a pickle names is run', async () => {
  const database = await migrated()
  const [hex = ''] = pickled(
    ['pickle.dumps(Evil())'],
    `
class Evil:
    def __reduce__(self): return (eval, ('1 + 1',))
`,
  )
  expect(await unpickle(database, [hex])).toEqual([
    '{"args": ["1 + 1"], "__class__": "builtins.eval"}',
  ])
})

test('exceptions of both shapes read as their type and message', async () => {
  const database = await migrated()
  const [row] = await database.query(`select
    monitor.exception_text('{"exc_type": "ValueError", "exc_message": ["boom", 3], "exc_module": "builtins"}') as listed,
    monitor.exception_text('{"exc_type": "KeyError", "exc_message": "x"}') as text,
    monitor.exception_text('{"__class__": "proj.app.Custom", "args": []}') as instance,
    monitor.exception_text('5') as none`)
  expect(row).toEqual({
    listed: 'ValueError: boom, 3',
    text: 'KeyError: x',
    instance: 'Custom',
    none: null,
  })
})

async function migrated(): Promise<Database> {
  const database = await openDatabase({ url: await migratedDatabase() })
  onTestFinished(() => database.close())
  return database
}

async function unpickle(database: Database, hexes: readonly string[]): Promise<string[]> {
  const rows = await database.query<{ read: string }>(
    `select monitor.unpickle(decode(hex, 'hex'))::text as read
     from unnest($1::text[]) with ordinality as t(hex, i) order by i`,
    [hexes],
  )
  return rows.map(({ read }) => read)
}

/** The hex of what Python makes of each expression. */
function pickled(expressions: readonly string[], setup = '', stdin = ''): string[] {
  const program = [
    'import collections, datetime, decimal, json, pickle, sys, uuid, zoneinfo',
    setup,
    ...expressions.map((expression) => `print((${expression}).hex())`),
  ].join('\n')
  // From a file, as the program may be longer than an argument may be.
  const run = spawnSync('python3', ['-c', 'import os; exec(os.environ["PROGRAM"])'], {
    input: stdin,
    encoding: 'utf8',
    maxBuffer: 1e9,
    env: { ...process.env, PROGRAM: program },
  })
  if (run.status !== 0) throw new Error(`python3: ${run.stderr || run.error}`)
  return run.stdout.trim().split('\n')
}

/** Every pickled result of the recorded rows; where a file has several, the later ones by their number. */
function storedResults(): Map<string, string> {
  const stored = new Map<string, string>()
  for (const name of readdirSync(FIXTURES).filter((file) =>
    /^(compat52-)?db.*\.json$/.test(file),
  )) {
    const text = readFileSync(join(FIXTURES, name), 'utf8')
    const found = [...text.matchAll(/"result": \{\s*"bytea_hex": "([0-9a-f]+)"/g)]
    for (const [i, match] of found.entries()) stored.set(`${name}${i || ''}`, match[1] ?? '')
  }
  return stored
}

/** Each tuple holds the one before it twice. */
function bomb(levels: number): string {
  const text = `8c64${'78'.repeat(100)}94`
  const tuples = Array.from({ length: levels }, (_, i) => {
    const before = i.toString(16).padStart(2, '0')
    return `68${before}68${before}8694`
  })
  return `8004${text}${tuples.join('')}2e`
}

/** -0 is 0 in jsonb. */
function normal(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}
