import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readPickle } from '../../src/codecs/pickle/pickle-reader.ts'
import { Decimal, PythonObject, Tuple, Uuid } from '../../src/codecs/values.ts'
import { isReady } from '../../src/protocol/results/states.ts'
import type { TaskResult } from '../../src/protocol/results/task-result.ts'
import { assertStorable } from '../../src/results/stored-value.ts'
import { decodeRow, encodeRow, type TaskmetaRow } from '../../src/results/taskmeta-row.ts'
import { failure, success } from '../contracts/result-store-contract.ts'

const FIXTURES = join(import.meta.dirname, '../fixtures/celery')

test.each<[string, Partial<TaskResult>]>([
  ['db-success-int', { status: 'SUCCESS', result: 5 }],
  ['db-success-none', { status: 'SUCCESS', result: null }],
  [
    'db-success-dict',
    { status: 'SUCCESS', result: { args: [1, 'é'], kwargs: { k: [1.5, null, true] } } },
  ],
  [
    'db-started',
    { status: 'STARTED', dateDone: null, result: { pid: 2394, hostname: 'w1@worker.example' } },
  ],
  [
    'db-failure-builtin',
    {
      status: 'FAILURE',
      result: { excType: 'ValueError', excModule: 'builtins', excMessage: ['nope'] },
    },
  ],
  [
    'db-failure-custom',
    { result: { excType: 'CustomError', excModule: 'proj.app', excMessage: [42, 'bad thing'] } },
  ],
  [
    'db-failure-custom-pickle-serializer',
    { result: { excType: 'CustomError', excModule: 'proj.app', excMessage: [42, 'bad thing'] } },
  ],
  [
    'db-failure-not-registered',
    {
      result: {
        excType: 'NotRegistered',
        excModule: 'celery.exceptions',
        excMessage: ['proj.tasks.does_not_exist'],
      },
    },
  ],
  [
    'db-retry',
    {
      status: 'RETRY',
      result: { excType: 'ConnectionError', excModule: 'builtins', excMessage: ['upstream down'] },
    },
  ],
  [
    'db-revoked-by-control',
    {
      status: 'REVOKED',
      traceback: null,
      result: {
        excType: 'TaskRevokedError',
        excModule: 'celery.exceptions',
        excMessage: ['revoked'],
      },
    },
  ],
  [
    'db-success-dict-extended',
    {
      name: 'proj.tasks.echo',
      args: [1, 'é'],
      kwargs: { k: [1.5, null, true] },
      worker: 'w1@worker.example',
      retries: 0,
      queue: 'db.main',
    },
  ],
])('the row of %s is read as Python meant it', (name, expected) => {
  expect(decodeRow(recordedRow(name))).toMatchObject(expected)
})

test('typed values of Python come as their counterparts', () => {
  const { result } = decodeRow(recordedRow('db-success-typed'))
  expect(result).toMatchObject({
    dt: new Date('2020-01-02T03:04:05.000Z'),
    dec: new Decimal('1.50'),
    uuid: new Uuid('12345678-1234-5678-1234-567812345678'),
    bytes: Buffer.from([0, 255]),
    big: 2n ** 70n,
    neg: -(2 ** 33),
    f: 1e100,
  })
})

test('an instance of a class we do not know is kept unread', () => {
  const { result } = decodeRow(recordedRow('db-failure-encode-return'))
  expect(result).toBeInstanceOf(PythonObject)
  expect(result).toMatchObject({ module: 'proj.app', name: 'Unserializable' })
})

test('every recorded row is read without an error', () => {
  const names = readdirSync(FIXTURES).filter(
    (name) => /^db-.*\.json$/.test(name) && name !== 'db-group-saved.json',
  )
  const results = names
    .flatMap((name) => recordedRows(name.replace('.json', '')))
    .map((row) => decodeRow(row))
  expect(results.length).toBeGreaterThan(20)
})

test.each(rowsToWrite())('%s: the row that we write says the same', (_label, row) => {
  const isExtended = row.name !== null
  const ours = encodeRow(decodeRow(row), { isExtended })
  const { result, byteLength: _length, children: _children, ...columns } = ours
  const { result: theirs, byteLength: _theirLength, ...theirColumns } = row
  // Python keeps a time for what goes on too, and says that nobody is to look at it.
  const dateDone = isReady(row.status) ? row.dateDone : null
  expect(columns).toEqual({ ...theirColumns, dateDone })
  if (theirs === null) expect(result).toBeNull()
  else expect(readPickle(result ?? Buffer.alloc(0))).toEqual(readPickle(theirs))
})

test('db-failure-custom-pickle-serializer: an exception that Python pickled whole is written as its parts', () => {
  const { result } = encodeRow(decodeRow(recordedRow('db-failure-custom-pickle-serializer')), {
    isExtended: false,
  })
  expect(readPickle(result ?? Buffer.alloc(0))).toEqual({
    exc_type: 'CustomError',
    exc_module: 'proj.app',
    exc_message: Tuple.from([42, 'bad thing']),
  })
})

test('db-failure-encode-return: an instance of a class that Python pickled is not written from here', () => {
  const result = decodeRow(recordedRow('db-failure-encode-return'))
  expect(() => encodeRow(result, { isExtended: false })).toThrow(
    expect.objectContaining({ code: 'VALUE_UNENCODABLE' }),
  )
})

test.each(readingCases())('a row with %s is read as Python reads it', (_label, row, expected) => {
  expect(decodeRow(row).result).toEqual(expected)
})

test('JSON that Celery 5.7 stores is read, None, exceptions and children included', () => {
  const row = {
    ...encodeRow(success(1), { isExtended: false }),
    children: Buffer.from('[[["id", null], null]]'),
  }
  expect(decodeRow({ ...row, result: Buffer.from('null') }).result).toBeNull()
  const meta = Buffer.from(
    '{"exc_type": "KeyError", "exc_message": ["slug"], "exc_module": "builtins"}',
  )
  expect(decodeRow({ ...row, status: 'FAILURE', result: meta })).toMatchObject({
    result: { excType: 'KeyError', excModule: 'builtins', excMessage: ['slug'] },
    children: [[['id', null], null]],
  })
})

test('what is neither pickle nor JSON, as YAML, is refused by that name', () => {
  const yaml = { ...encodeRow(success(1), { isExtended: false }), result: Buffer.from('a: 1\n') }
  expect(() => decodeRow(yaml)).toThrow(
    expect.objectContaining({
      code: 'RESULT_UNREADABLE',
      message: expect.stringContaining('neither pickle nor JSON'),
    }),
  )
})

test('a pickle that would run a command when Python loads it runs nothing', () => {
  const evil = Buffer.from("cposix\nsystem\n(S'touch /should-never-exist'\ntR.", 'latin1')
  const { result } = decodeRow({ ...encodeRow(success(1), { isExtended: false }), result: evil })
  expect(result).toBeInstanceOf(PythonObject)
})

test('exception arguments are stored as a tuple, those without a stored form as their text', () => {
  const exception = {
    excType: 'Error',
    excModule: null,
    excMessage: [1, () => 'no value'],
  }
  const row = encodeRow(failure(exception, null), { isExtended: false })
  const meta = decodeRow({ ...row, status: 'SUCCESS' }).result as { exc_message: unknown }
  expect(meta.exc_message).toBeInstanceOf(Tuple)
  expect(meta.exc_message).toEqual(Tuple.from([1, expect.stringContaining('Function')]))
})

test('a name that is longer than its column loses its end, between whole characters', () => {
  const row = encodeRow({ ...success(1), name: '🌱'.repeat(200) }, { isExtended: true })
  expect(row.name).toBe('🌱'.repeat(155))
})

test('a task id or state without room, or with a NUL, is refused by name', () => {
  const tries = [{ taskId: 'x'.repeat(156) }, { taskId: 'a\0b' }, { status: 'S'.repeat(51) }]
  for (const changes of tries) {
    expect(() => encodeRow({ ...success(1), ...changes }, { isExtended: false })).toThrow(
      expect.objectContaining({ code: 'VALUE_UNENCODABLE' }),
    )
  }
})

test('what is no value can be detected before it is saved', () => {
  expect(() => assertStorable({ fine: [1, null, undefined, new Date()] })).not.toThrow()
  expect(() => assertStorable({ bad: Symbol('s') })).toThrow(
    expect.objectContaining({ code: 'VALUE_UNENCODABLE', message: expect.stringContaining('bad') }),
  )
})

/** Every recorded row that holds what can be written from here. */
function rowsToWrite(): [string, TaskmetaRow][] {
  const other = [
    'db-group-saved',
    'db-failure-custom-pickle-serializer',
    'db-failure-encode-return',
  ]
  return readdirSync(FIXTURES)
    .filter((file) => /^(?:compat52-)?db(?:-.*)?\.json$|^chord-database-failed/.test(file))
    .map((file) => file.replace('.json', ''))
    .filter((name) => !other.includes(name))
    .flatMap((name) =>
      recordedRows(name).map((row, at): [string, TaskmetaRow] => [`${name}.${at}`, row]),
    )
}

/** What a Python client made of rows written by somebody else: those that it could read. */
function readingCases(): [string, TaskmetaRow, unknown][] {
  const { cases } = JSON.parse(
    readFileSync(join(FIXTURES, 'result-reading-database.json'), 'utf8'),
  ) as {
    cases: {
      label: string
      status: string
      result_bytea_hex: string | null
      python_sees: { result?: unknown }
    }[]
  } // as its recorder wrote it
  const readable = cases.filter(({ status }) => status !== 'FAILURE')
  return readable.map(({ label, status, result_bytea_hex: hex, python_sees: seen }) => [
    label,
    {
      ...encodeRow(success(1), { isExtended: false }),
      status,
      result: hex === null ? null : Buffer.from(hex, 'hex'),
    },
    // Celery before 5.7 did not read JSON here; from 5.7 on it does.
    label.startsWith('JSON bytes') ? { a: 1 } : (seen.result ?? null),
  ])
}

interface RecordedRow {
  readonly task_id: string
  readonly status: string
  readonly traceback: string | null
  readonly date_done: string | null
  readonly name: string | null
  readonly worker: string | null
  readonly queue: string | null
  readonly retries: number | null
  readonly result: RecordedBytes
  readonly args: RecordedBytes
  readonly kwargs: RecordedBytes
}

type RecordedBytes = { readonly bytea_hex: string } | null

function recordedRow(name: string): TaskmetaRow {
  const [row] = recordedRows(name)
  if (row === undefined) throw new Error(`${name} holds no row`)
  return row
}

function recordedRows(name: string): TaskmetaRow[] {
  const { row, rows } = JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8')) as {
    row?: RecordedRow
    rows?: Record<string, RecordedRow>
  } // as its recorder wrote it
  return (row ? [row] : Object.values(rows ?? {})).map(asRead)
}

/** A recorded row as the database gives it to us. */
function asRead(row: RecordedRow): TaskmetaRow {
  const { status, traceback, name, worker, queue, retries } = row
  const dateDone = row.date_done === null ? null : new Date(`${row.date_done}Z`)
  const bytes = {
    result: bytesOf(row.result),
    args: bytesOf(row.args),
    kwargs: bytesOf(row.kwargs),
  }
  return {
    taskId: row.task_id,
    status,
    traceback,
    dateDone,
    name,
    worker,
    queue,
    retries,
    ...bytes,
    byteLength: 0,
  }
}

function bytesOf(recorded: RecordedBytes): Buffer | null {
  return recorded && Buffer.from(recorded.bytea_hex, 'hex')
}
